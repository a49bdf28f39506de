import groovy.json.JsonSlurper
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** The runner, with a shell that really runs: values stay words, accidents end the build, answers do not. */
class RunnerTest {

    static final List HOSTILE = ['$(touch canary)', '`touch canary`', "'; touch canary; '", '"; touch canary; "', 'a\nb\n touch canary',
        ']]>', '--key=/etc/passwd', '-C', '$HOME ${MLASSAY_KEY_FILE} $$', '\\', "\\'", '* ? ~ !!', '\u202e\u001b[31m', '&& touch canary', '::error::x', '%0A']

    @Rule
    public TemporaryFolder folders = new TemporaryFolder()

    File recorder
    Map job

    /** Stands for mlassay: writes its words and its environment down, tells outputs, and ends as it is told to. */
    @Before
    void aCommandThatWritesDownWhatItWasGiven() {
        recorder = folders.newFile('recorder')
        recorder.text = '#!/usr/bin/env python3\nimport json, os, sys\n' +
            'print("words:" + json.dumps(sys.argv[1:]))\n' +
            'open(os.environ["MLASSAY_OUTPUT"], "a").write("verdict=passed\\nurl=https://x/?a=b\\n")\n' +
            'sys.exit(int(os.environ.get("CODE", "0")))\n'
        recorder.executable = true
        job = [name: 'one', credentials: [key: [kind: 'file', value: 'the key'], login: [kind: 'usernamePassword', user: 'robot',
            value: "p'a\$s \"w"], ssh: [kind: 'sshUserPrivateKey', value: 'ssh'], token: [kind: 'string', value: 'the token']]]
    }

    private Jenkins played(String step, Map more = [:]) {
        Jenkins jenkins = new Jenkins(job + more, [:], folders.newFolder())
        String text = "@Library('mlassay') _\npipeline { agent none\n stages { stage('one') { agent { label 'a' }\n" +
            "steps { script { told = ${step} } } } } }"
        return jenkins.play(text)
    }

    private List words(Jenkins jenkins) {
        assert jenkins.calls.size() == 1: jenkins.failure
        return new JsonSlurper().parseText(jenkins.calls[0].out.readLines().find { it.startsWith('words:') } - 'words:')
    }

    private String literal(String text) {
        return 'new String("' + text.getBytes('UTF-8').encodeBase64() + '".decodeBase64(), "UTF-8")'
    }

    @Test
    void everyValueArrivesAsOneWordWhateverItHolds() {
        for (value in HOSTILE) {
            Jenkins jenkins = played("mlassayPromote(command: '${recorder}', reason: ${literal(value)}, " +
                "environment: ${literal(value)}, release: 'r', run: ${literal(value)})")
            assert words(jenkins) == ['promote', '--reason=' + value, '--run=' + value, '--', value, 'r']
            assert jenkins.result == 'SUCCESS'
            jenkins.folder.eachFileRecurse { assert it.name != 'canary' }
        }
    }

    @Test
    void aValueWithoutQuotesWouldHaveRun() {
        Jenkins jenkins = played("sh(label: 'x', script: 'echo ' + ${literal('$(touch canary)')})")
        boolean found = false
        jenkins.folder.eachFileRecurse { found = found || it.name == 'canary' }
        assert found: 'the control: this shell does run what it is given'
    }

    @Test
    void aKeyIsAFileThatTheVerbAloneCanSeeAndNoWordHoldsIt() {
        Jenkins jenkins = played("mlassaySign(command: '${recorder}', signingKey: 'key')")
        assert words(jenkins) == ['sign', '--key=' + jenkins.calls[0].environment.MLASSAY_KEY_FILE]
        assert !new File(jenkins.calls[0].environment.MLASSAY_KEY_FILE).exists()
    }

    @Test
    void aLoginReachesGitAndNothingElse() {
        Jenkins jenkins = played("mlassayRecord(command: '/usr/bin/env', login: 'login')")
        Map seen = jenkins.calls[0].environment
        Process git = new ProcessBuilder(['git', 'credential', 'fill']).redirectErrorStream(true).with { builder ->
            builder.environment().putAll(seen.collectEntries { [(it.key.toString()): it.value.toString()] })
            builder.start()
        }
        git.outputStream.withWriter { it << 'protocol=https\nhost=git.example\n\n' }
        String text = git.inputStream.text
        assert text.contains('username=robot\n') && text.contains("password=p'a\$s \"w\n")
        assert !jenkins.calls[0].script.contains('robot')
    }

    @Test
    void aTokenHasTheNameThatItsForgeWants() {
        assert played("mlassayPromote(command: '${recorder}', environment: 'staging', forge: 'gitea', token: 'token')")
            .calls[0].environment.GITEA_TOKEN == 'the token'
        Jenkins wrong = played("mlassayPromote(command: '${recorder}', environment: 'staging', forge: 'PATH', token: 'token')")
        assert wrong.result == 'FAILURE' && wrong.calls == []
    }

    @Test
    void aParameterThatNobodyReadsIsRefused() {
        Jenkins jenkins = played("mlassayTrain(command: '${recorder}', signingKey: 'key')")
        assert jenkins.failure.message.contains("no parameter 'signingKey'") && jenkins.calls == []
    }

    @Test
    void aKeyIsNotLentOnAnAgentThatRanTheTeamsCode() {
        for (agents in ["", "signAgent: '', ", "agent: 'a', signAgent: 'a', ", "trainAgent: 't', signAgent: 't', ",
                        "rebuildAgent: 'r', signAgent: 'r', "]) {
            Jenkins jenkins = played("mlassayPipeline(${agents}repository: '/nowhere', signingKey: 'key')")
            assert jenkins.failure.message.contains('signingKey needs a signAgent') && jenkins.calls == []
        }
        Jenkins apart = played("mlassayPipeline(agent: 'a', signAgent: 's', repository: '/nowhere', signingKey: 'key')")
        assert !apart.failure.message.contains('signingKey needs')
    }

    @Test
    void aVersionThatCanMoveIsRefused() {
        assert played('mlassayTrain()', [version: 'main']).failure.message.contains('full commit')
        assert played("mlassayTrain(version: 'v1.0.0')").failure.message.contains('full commit')
    }

    @Test
    void anAnswerMakesTheBuildRedAndGoesOn() {
        Jenkins jenkins = played("mlassayTest(command: '${recorder}')", [environment: [CODE: '1']])
        assert jenkins.result == 'FAILURE' && jenkins.failure == null
        assert jenkins.binding.getVariable('told') == [verdict: 'passed', url: 'https://x/?a=b', passed: false]
    }

    @Test
    void anAccidentEndsIt() {
        for (code in ['2', '3', '4', '70']) {
            assert played("mlassayTest(command: '${recorder}')", [environment: [CODE: code]]).failure != null
        }
        assert played("mlassaySign(command: '${recorder}')", [environment: [CODE: '1']]).failure != null
        assert played("mlassayTest(command: '/nowhere')").failure.message.contains('127')
    }
}
