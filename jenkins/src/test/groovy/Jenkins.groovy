import com.lesfurets.jenkins.unit.BasePipelineTest

import java.nio.file.Files
import java.nio.file.attribute.PosixFilePermissions

import static com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration.library
import static com.lesfurets.jenkins.unit.global.lib.LocalSource.localSource

/**
 * A Jenkins for one build, whose `sh` really runs: agents with folders of their own, stashes, credentials that are bound
 * where withCredentials says so and nowhere else, and a record of the environment and folder of every command.
 */
class Jenkins extends BasePipelineTest {

    /** name, url, branch, commit, credentials (id to kind and value), environment, plugins, tamper, version */
    final Map job
    final Map jobs
    final File folder
    final List calls
    final List stages = []
    final Map archived = [:]
    String result = 'SUCCESS'
    Throwable failure

    private final Map agents = [:]
    private final List overlays = []
    private final List folders = []
    private Agent agent
    private String stageName = ''

    Jenkins(Map job, Map jobs, File folder, List calls = []) {
        this.job = job
        this.jobs = jobs
        this.folder = folder
        this.calls = calls
        this.baseScriptRoot = '.'
        this.scriptRoots = ['.'] as String[]
        this.scriptExtension = 'groovy'
    }

    /** Plays the text of a Jenkinsfile; the result is in `result`, an error that ended the build in `failure`. */
    Jenkins play(String text) {
        String home = new File('.').canonicalPath
        helper.registerSharedLibrary(library().name('mlassay').retriever(localSource(folder.path + '/library'))
            .defaultVersion('pinned').targetPath('.').allowOverride(false).implicit(false).build())
        File copy = new File(folder, 'library/mlassay@pinned')
        if (!copy.exists()) {
            copy.parentFile.mkdirs()
            Files.createSymbolicLink(copy.toPath(), new File(home).toPath())
        }
        File script = new File(folder, "played-${UUID.randomUUID()}.groovy")
        folder.mkdirs()
        script.setText(text, 'UTF-8')
        scriptRoots = [folder.path] as String[]
        setUp()
        register()
        try {
            runScript(script.name)
        } catch (Throwable error) {
            fails(error)
        }
        return this
    }

    void inStage(String name, String label, Closure body) {
        stageName = name
        Map told = [name: name, label: label, state: 'passed']
        stages << told
        try {
            if (label == null) {
                body.call()
            } else {
                onAgent(label) { body.call() }
            }
        } catch (Throwable error) {
            told.state = 'failed'
            fails(error)
        }
    }

    private void fails(Throwable error) {
        failure = failure ?: error
        result = 'FAILURE'
    }

    private Object onAgent(String label, Closure body) {
        agent = agents.computeIfAbsent(label) { new Agent(label, new File(folder, "agents/${label ?: 'any'}")) }
        folders << agent.workspace(job.name)
        try {
            return body.call()
        } finally {
            folders.remove(folders.size() - 1)
            agent = null
        }
    }

    // What the environment of a process is

    private Map base() {
        Map own = [PATH: System.getenv('PATH'), HOME: new File(folder, 'home').path, LANG: 'C.UTF-8',
            JENKINS_URL: 'https://jenkins.example/', BUILD_TAG: "jenkins-${job.name}-7", BUILD_NUMBER: '7',
            BUILD_URL: "https://jenkins.example/job/${job.name}/7/", JOB_URL: "https://jenkins.example/job/${job.name}/",
            JOB_NAME: job.name, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null']
        if (job.version) {
            own['library.mlassay.version'] = job.version
        }
        if (job.branch && job.multibranch) {
            own.BRANCH_NAME = job.branch
        }
        return own + (job.environment ?: [:])
    }

    Map environment() {
        Map all = base()
        if (folders) {
            all.WORKSPACE = agent.workspace(job.name).path
        }
        overlays.each { overlay -> overlay.each { key, value -> all[key] = expanded(value, all) } }
        return all
    }

    /** withEnv expands `$NAME`, and so does this: a value that relies on not being read would show. */
    private static String expanded(Object value, Map all) {
        return value.toString().replaceAll(/\$(\$|\w+|\{[\w.]+\})/) { whole, name ->
            String key = name.startsWith('{') ? name[1..-2] : name
            key == '$' ? '$' : all.containsKey(key) ? all[key].toString() : whole
        }
    }

    private File here() {
        assert folders: 'this needs an agent'
        return folders.last()
    }

    private File temporary() {
        return new File(agent.workspace(job.name).path + '@tmp')
    }

    private File at(String path) {
        return path.startsWith('/') ? new File(path) : new File(here(), path)
    }

    // The steps

    private void register() {
        binding.setVariable('env', new Environment(this))
        binding.setVariable('scm', [$class: 'job'])
        binding.setVariable('docker', [image: { String name -> [inside: { Closure body -> body.call() }] }])
        on('pipeline', [Closure]) { Closure body -> new Declarative(this).run(body) }
        on('script', [Closure]) { Closure body -> body.call() }
        on('echo', [String]) { String text -> println(text) }
        on('error', [String]) { String text -> throw new IllegalStateException(text) }
        on('timeout', [Map, Closure]) { Map limits, Closure body -> assert limits.time > 0; body.call() }
        on('deleteDir', []) { -> here().deleteDir(); here().mkdirs() }
        on('dir', [String, Closure]) { String path, Closure body ->
            folders << at(path)
            here().mkdirs()
            try { body.call() } finally { folders.remove(folders.size() - 1) }
        }
        on('pwd', [Map]) { Map how -> how.tmp ? temporary().path : here().path }
        on('writeFile', [Map]) { Map file -> write(at(file.file), file.text) }
        on('readFile', [String]) { String path -> at(path).getText('UTF-8') }
        on('fileExists', [String]) { String path -> at(path).exists() }
        on('libraryResource', [String]) { String path -> new File("resources/${path}").getText('UTF-8') }
        on('withEnv', [List, Closure]) { List values, Closure body -> withValues(values, body) }
        on('withCredentials', [List, Closure]) { List items, Closure body -> withSecrets(items, body) }
        for (kind in ['file', 'usernamePassword', 'sshUserPrivateKey', 'string']) {
            String name = kind
            on(kind, [Map]) { Map item -> [kind: name] + item }
        }
        on('sh', [Map]) { Map call -> sh(call) }
        on('checkout', [Map]) { Map source -> checkout(source) }
        on('stash', [Map]) { Map what -> stash(what) }
        on('unstash', [String]) { String name -> unstash(name) }
        on('catchError', [Map, Closure]) { Map how, Closure body ->
            try {
                body.call()
            } catch (IllegalStateException error) {
                println("ERROR: ${error.message}")
                result = how.buildResult
                stages.last().state = how.stageResult == 'FAILURE' ? 'failed' : how.stageResult
            }
        }
        on('archiveArtifacts', [Map]) { Map what ->
            what.artifacts.split(', *').each { if (at(it).isFile()) { archived[new File(it).name] = at(it).getText('UTF-8') } }
        }
        for (plugin in (job.plugins ?: [])) {
            String name = plugin
            on(plugin, [Map]) { Map what -> archived[name] = what.testResults ? at(what.testResults).getText('UTF-8') : what.tools.collect { at(it.pattern).getText('UTF-8') }.join() }
        }
        for (plugin in ['junit', 'recordIssues'] - (job.plugins ?: [])) {
            on(plugin, [Map]) { Map what -> throw new NoSuchMethodError("No such DSL method '${plugin}'") }
        }
        on('sarif', [Map]) { Map what -> what }
        on('build', [Map]) { Map what -> build(what) }
    }

    private void on(String name, List<Class> types, Closure body) {
        helper.registerAllowedMethod(name, types, body)
    }

    private static Object write(File file, String text) {
        file.parentFile.mkdirs()
        file.setText(text, 'UTF-8')
        return null
    }

    private Object withValues(List values, Closure body) {
        overlays << values.collectEntries { it = it.toString(); [(it[0..<it.indexOf('=')]): it.substring(it.indexOf('=') + 1)] }
        try { return body.call() } finally { overlays.remove(overlays.size() - 1) }
    }

    private Object withSecrets(List items, Closure body) {
        Map values = [:]
        File secrets = new File(temporary(), "secretFiles/${UUID.randomUUID()}")
        for (item in items) {
            Map found = job.credentials?.get(item.credentialsId)
            if (found == null || found.kind != item.kind) {
                throw new IllegalStateException("Could not find credentials entry with ID '${item.credentialsId}'")
            }
            if (item.kind == 'string') {
                values[item.variable] = found.value
            } else if (item.kind == 'usernamePassword') {
                values[item.usernameVariable] = found.user
                values[item.passwordVariable] = found.value
            } else {
                File file = new File(secrets, 'secret')
                write(file, found.value)
                Files.setPosixFilePermissions(file.toPath(), PosixFilePermissions.fromString('r--------'))
                values[item.variable ?: item.keyFileVariable] = file.path
            }
        }
        overlays << values
        try {
            return body.call()
        } finally {
            overlays.remove(overlays.size() - 1)
            secrets.deleteDir()
        }
    }

    private Object sh(Map call) {
        Map environment = environment()
        long started = System.currentTimeMillis()
        Map done = agent.run(call.script.toString(), here(), temporary(), environment)
        calls << [job: job.name, stage: stageName, agent: agent.label, label: call.label, script: call.script.toString(),
            folder: here().path, environment: environment, code: done.code, out: done.out, log: done.log,
            seconds: (System.currentTimeMillis() - started) / 1000]
        println(done.log + done.out)
        if (call.returnStdout && done.code == 0) {
            return done.out
        }
        if (call.returnStatus) {
            return done.code
        }
        if (done.code != 0) {
            throw new IllegalStateException("script returned exit code ${done.code}")
        }
        return null
    }

    private Map checkout(Map source) {
        boolean own = source['$class'] == 'job'
        String url = own ? job.url : source.userRemoteConfigs[0].url
        String refs = own ? job.refspec : source.userRemoteConfigs[0].refspec
        String what = own ? job.commit : source.branches[0].name
        git('init', '--quiet', '.')
        git('remote', 'add', 'origin', url)
        git('fetch', '--quiet', 'origin', refs)
        String commit = what.startsWith('refs/heads/') ? git('rev-parse', what.replace('refs/heads/', 'origin/')) : what
        git('checkout', '--quiet', '--detach', commit)
        return [GIT_COMMIT: commit]
    }

    private String git(String... words) {
        ProcessBuilder builder = new ProcessBuilder(['git', *words])
        builder.directory(here()).redirectErrorStream(true)
        builder.environment().putAll([GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null'])
        Process process = builder.start()
        String out = process.inputStream.getText('UTF-8')
        if (process.waitFor() != 0) {
            throw new IllegalStateException("git ${words.join(' ')}: ${out}")
        }
        return out.trim()
    }

    private void stash(Map what) {
        File target = new File(folder, "stashes/${job.name}/${what.name}")
        target.deleteDir()
        String prefix = what.includes - '**'
        File from = at(prefix)
        from.eachFileRecurse(groovy.io.FileType.FILES) { file ->
            File copy = new File(target, prefix + from.toPath().relativize(file.toPath()))
            copy.parentFile.mkdirs()
            Files.copy(file.toPath(), copy.toPath())
        }
        if (job.tamper && job.tamper.stash == what.name) {
            new File(target, job.tamper.file).append('x')
        }
    }

    private void unstash(String name) {
        File from = new File(folder, "stashes/${job.name}/${name}")
        assert from.isDirectory(): "there is no stash ${name}"
        from.eachFileRecurse(groovy.io.FileType.FILES) { file ->
            File copy = new File(here(), from.toPath().relativize(file.toPath()).toString())
            copy.parentFile.mkdirs()
            Files.copy(file.toPath(), copy.toPath(), java.nio.file.StandardCopyOption.REPLACE_EXISTING)
        }
    }

    private Object build(Map what) {
        Map next = jobs[what.job]
        if (next == null) {
            throw new IllegalStateException("No item named ${what.job} found")
        }
        Jenkins other = new Jenkins(next, jobs, folder, calls).play(next.script)
        next.played = other
        if (other.result != 'SUCCESS') {
            throw new IllegalStateException("${what.job} completed: ${other.result} ${other.failure ?: ''}")
        }
        return null
    }
}
