import com.lesfurets.jenkins.unit.cps.BasePipelineTestCPS
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

import java.nio.file.Files

import static com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration.library
import static com.lesfurets.jenkins.unit.global.lib.LocalSource.localSource

/** The library compiled as Jenkins compiles it, so that a build survives a restart: after each step all must serialise. */
class CpsTest extends BasePipelineTestCPS {

    @Rule
    public TemporaryFolder folders = new TemporaryFolder()

    static List ran

    @Before
    @Override
    void setUp() throws Exception {
        File libraries = folders.newFolder('library')
        Files.createSymbolicLink(new File(libraries, 'mlassay@pinned').toPath(), new File('.').canonicalFile.toPath())
        helper.registerSharedLibrary(library().name('mlassay').retriever(localSource(libraries.path))
            .defaultVersion('pinned').targetPath('.').allowOverride(false).implicit(false).build())
        scriptRoots = [folders.root.path] as String[]
        scriptExtension = 'groovy'
        super.setUp()
        ran = []
        binding.setVariable('env', ['library.mlassay.version': '0' * 40])
        binding.setVariable('scm', 'scm')
        on('pwd', [Map]) { Map how -> '/agent@tmp' }
        on('writeFile', [Map]) { Map file -> }
        on('readFile', [String]) { String path -> 'model=sha256:1\n' }
        on('fileExists', [String]) { String path -> false }
        on('libraryResource', [String]) { String path -> '' }
        on('deleteDir', []) { -> }
        on('checkout', [Object]) { Object source -> [GIT_COMMIT: 'c'] }
        on('stash', [Map]) { Map what -> ran << what.name.toString() }
        on('unstash', [String]) { String name -> ran << name.toString() }
        on('archiveArtifacts', [Map]) { Map what -> }
        on('junit', [Map]) { Map what -> }
        on('sarif', [Map]) { Map what -> what }
        on('recordIssues', [Map]) { Map what -> }
        on('echo', [String]) { String text -> }
        on('sh', [Map]) { Map call -> ran << call.label.toString(); call.returnStdout ? 'd' : 1 }
        for (name in ['file', 'usernamePassword', 'sshUserPrivateKey', 'string']) {
            on(name, [Map]) { Map item -> item }
        }
        for (types in [['withEnv', List], ['withCredentials', List], ['timeout', Map], ['dir', String], ['catchError', Map]]) {
            on(types[0], [types[1], Closure]) { Object how, Closure body -> helper.callClosure(body) }
        }
        on('error', [String]) { String text -> ran << text.toString() }
    }

    private void on(String name, List<Class> types, Closure body) {
        helper.registerAllowedMethod(name, types, body)
    }

    private Object cps(String body) {
        new File(folders.root, 'played.groovy').setText("@Library('mlassay') _\n${body}\n", 'UTF-8')
        return runScript('played.groovy')
    }

    @Test
    void aStepWithCredentialsRunsAndSerialises() {
        cps("mlassayPromote(environment: 'staging', login: 'l', sshKey: 's', deskKey: 'k', forge: 'gitea', token: 't')")
        assert ran.contains('mlassay promote')
        assert ran.contains('prepare mlassay')
    }

    @Test
    void anAnswerWithAllItsReportsRunsAndSerialises() {
        cps("mlassayTest(junit: 'a', sarif: 'b', withParts: true)")
        assert ran.any { it.contains('mlassay test: no') }
    }

    @Test
    void aStageThatHandsItsFoldersOnRunsAndSerialises() {
        cps('''
            def facts = [digests: [:]]
            mlassayStage([:], facts, [minutes: 1]) {
                facts.model = mlassayTrain([:]).model
                mlassayStage.keep([:], facts, 'train')
                mlassayStage.bring([:], facts, 'train')
            }
            ''')
        assert ran.contains('mlassay train')
        assert ran.findAll { it == 'mlassay-train' }.size() == 2
    }

    @Test
    void whatCannotBeSerialisedIsCaught() {
        Throwable seen = null
        try {
            cps('''
                mlassayStage([:], [digests: [:]], [minutes: 1]) {
                    def lazy = ('a' =~ /a/)
                    deleteDir()
                    echo(lazy.toString())
                }
                ''')
        } catch (Exception error) {
            seen = error
        }
        assert seen != null: 'the control: a matcher is not serialisable'
    }
}
