/**
 * The one runner behind every step: it brings one pinned commit of mlassay to the agent, runs one verb, and gives back
 * what the verb told. A step says only what its verb takes; nothing is decided here, all of it by mlassay itself.
 *
 * No value becomes part of a shell command unquoted, no key is an argument, and none is bound for longer than one verb.
 */

/**
 * Runs the verb of one step.
 *
 * @param given what the Jenkinsfile says: the step's own parameters and those of common()
 * @param step  words: the verb and fixed words; options, switches and operands: parameter to option; heavy: it needs
 *              the gates' packages; team: it runs the team's code; answers: exit code 1 is an answer; pushes: it
 *              writes to the remote; reads: it asks the remote; forge: it talks to one; key: the parameter that names
 *              a credential, a file, for keyOption; publishes: it leaves a verdict
 * @return what the verb told, each value a text; passed: whether the exit code was 0
 */
def call(Map given, Map step) {
    known(given, common() + names(step), step.words[0])
    String output = "${pwd(tmp: true)}/mlassay-output"
    writeFile(file: output, text: '')
    String script = quoted(launcher(given, step) + arguments(given, step))
    if (step.key && given[step.key]) {
        script += " ${quoted([step.keyOption])}=\"\$MLASSAY_KEY_FILE\""
    }
    script += operands(given, step)
    int code = 0
    // A key is lent to the verb alone: whatever has to be installed is installed before.
    if (!given.command && (step.key || step.pushes || step.reads || step.forge)) {
        sh(label: 'prepare mlassay', script: "#!/bin/sh\nexec ${quoted(launcher(given, step))}\n")
    }
    lent(given, step) {
        withEnv(["MLASSAY_OUTPUT=${output}"]) {
            code = sh(label: "mlassay ${step.words.join(' ')}", script: "#!/bin/sh\nexec ${script}\n", returnStatus: true)
        }
    }
    Map told = parsed(readFile(output))
    told.passed = code == 0
    if (step.publishes) {
        publish(given)
    }
    if (code == 1 && step.answers) {
        // An answer, not an accident: this build is red, and the stages after it still put it on record.
        catchError(buildResult: 'FAILURE', stageResult: 'FAILURE') {
            error("mlassay ${step.words.join(' ')}: no (see the log above, and report.md)")
        }
    } else if (code != 0) {
        error("mlassay ${step.words.join(' ')} ended with exit code ${code}: ${meaning(code)}")
    }
    return told
}

/** The parameters that every step takes. */
List common() {
    return ['version', 'source', 'python', 'command', 'requirements', 'run']
}

/** The parameters of a step beside the common ones. */
List names(Map step) {
    List found = []
    found.addAll((step.options ?: [:]).keySet())
    found.addAll((step.switches ?: [:]).keySet())
    found.addAll(step.operands ?: [])
    found.addAll(step.key ? [step.key] : [])
    found.addAll(step.pushes || step.reads ? ['login', 'sshKey'] : [])
    found.addAll(step.forge ? ['forge', 'token'] : [])
    return found
}

/** Refuses a parameter that nobody would read. */
void known(Map given, List names, String where) {
    for (name in given.keySet()) {
        if (!names.contains(name as String)) {
            error("mlassay ${where}: there is no parameter '${name}'; there are: ${names.join(', ')}")
        }
    }
}

/** The words that start mlassay on this agent: the image's own, or the pinned commit's launcher. */
List launcher(Map given, Map step) {
    if (given.command) {
        return [given.command]
    }
    String tools = "${pwd(tmp: true)}/mlassay"
    String python = given.python ?: 'python3'
    String commit = given.version ?: env['library.mlassay.version']
    if (!(commit ==~ /[0-9a-f]{40}/)) {
        error("the version of mlassay is '${commit}', which can change: give the library its full commit (docs/jenkins.md)")
    }
    String source = "${tools}/${commit}"
    if (!fileExists("${source}/.fetched")) {
        String from = given.source ?: 'https://github.com/mlassay/mlassay.git'
        dir(source) {
            deleteDir()
            sh(label: "fetch mlassay ${commit}", script: '#!/bin/sh\nset -eu\n' +
                'git init --quiet .\n' +
                "git fetch --quiet --depth 1 -- ${quoted([from, commit])}\n" +
                "git -c core.hooksPath=/dev/null checkout --quiet --detach ${quoted([commit])}\n" +
                'touch .fetched\n')
        }
    }
    List words = [python, '-I', "${source}/jenkins/launch.py", "--tools=${tools}", "--lock=${step.heavy ? 'gates' : 'light'}"]
    if (step.heavy || step.team) {
        words << "--requirements=${given.requirements ?: ''}"
    }
    return words + ['--']
}

/** The verb, its fixed words, and each parameter as one word that no value can turn into another option. */
List arguments(Map given, Map step) {
    List words = []
    words.addAll(step.words)
    Map options = step.options ?: [:]
    for (name in options.keySet()) {
        def value = given[name]
        for (one in (value instanceof List ? value : [value])) {
            if (one != null && one.toString() != '') {
                words << "${options[name]}=${one}".toString()
            }
        }
    }
    if (given.run) {
        words << "--run=${given.run}".toString()
    }
    Map switches = step.switches ?: [:]
    for (name in switches.keySet()) {
        if (given[name]) {
            words << switches[name]
        }
    }
    return words
}

/** What follows the options, after `--`, so that no name can be taken for an option. */
String operands(Map given, Map step) {
    List words = []
    for (name in (step.operands ?: [])) {
        if (given[name]) {
            words << given[name]
        }
    }
    return words ? " -- ${quoted(words)}" : ''
}

/** Words for sh, each in single quotes: in there nothing has a meaning but the quote itself. */
String quoted(List words) {
    List done = []
    for (word in words) {
        done << "'" + word.toString().replace('\u0000', '').replace("'", "'\\''") + "'"
    }
    return done.join(' ')
}

/** Runs the body with the credentials that this one verb needs, and with no other. */
void lent(Map given, Map step, Closure body) {
    List credentials = []
    List values = []
    Map git = [:]
    if (step.key && given[step.key]) {
        credentials << file(credentialsId: given[step.key], variable: 'MLASSAY_KEY_FILE')
    }
    if ((step.pushes || step.reads) && given.login) {
        credentials << usernamePassword(credentialsId: given.login, usernameVariable: 'MLASSAY_GIT_USERNAME',
            passwordVariable: 'MLASSAY_GIT_PASSWORD')
        git['credential.helper'] = '!f() { printenv MLASSAY_GIT_USERNAME | sed s/^/username=/; ' +
            'printenv MLASSAY_GIT_PASSWORD | sed s/^/password=/; }; f'
    }
    if ((step.pushes || step.reads) && given.sshKey) {
        credentials << sshUserPrivateKey(credentialsId: given.sshKey, keyFileVariable: 'MLASSAY_GIT_KEY_FILE')
        values << 'GIT_SSH_COMMAND=ssh -o IdentitiesOnly=yes -o BatchMode=yes -i "$MLASSAY_GIT_KEY_FILE"'
    }
    if (step.forge && given.forge) {
        Map variables = [github: 'GITHUB_TOKEN', gitea: 'GITEA_TOKEN']
        if (!variables[given.forge]) {
            error("there is no forge '${given.forge}'; there are: gitea, github (leave it out for plain git)")
        }
        git['mlassay.forge'] = given.forge
        if (given.token) {
            credentials << string(credentialsId: given.token, variable: variables[given.forge])
        }
    }
    if (step.pushes) {
        // Names in commits prove nothing to mlassay; git only wants that there are some.
        git['user.name'] = 'mlassay'
        git['user.email'] = 'mlassay@jenkins.invalid'
    }
    int count = 0
    for (name in git.keySet()) {
        values += ["GIT_CONFIG_KEY_${count}=${name}", "GIT_CONFIG_VALUE_${count}=${git[name]}"]
        count += 1
    }
    values << "GIT_CONFIG_COUNT=${count}"
    if (credentials) {
        withCredentials(credentials) {
            withEnv(values) { body() }
        }
    } else {
        withEnv(git ? values : []) { body() }
    }
}

/** The lines `name=value` that the verb left. */
Map parsed(String text) {
    Map told = [:]
    for (line in text.split('\n')) {
        int at = line.indexOf('=')
        if (at > 0) {
            told[line.substring(0, at)] = line.substring(at + 1)
        }
    }
    return told
}

/** Shows a verdict on the build page: its report, and what the plugins for JUnit and SARIF make of it where they are. */
void publish(Map given) {
    String folder = given.run ?: '.mlassay/run'
    archiveArtifacts(artifacts: "${folder}/test/report.md, ${folder}/test/verdict.json", allowEmptyArchive: true)
    if (given.junit) {
        shown('junit') { junit(testResults: given.junit, allowEmptyResults: true) }
    }
    if (given.sarif) {
        shown('recordIssues') { recordIssues(tools: [sarif(pattern: given.sarif)]) }
    }
}

/** Runs a plugin's step, and says so where this Jenkins does not have it. */
void shown(String plugin, Closure body) {
    try {
        body()
    } catch (NoSuchMethodError missing) {
        echo("this Jenkins has no step ${plugin}: the verdict is in report.md all the same")
    }
}

/** What an exit code of mlassay means. */
String meaning(int code) {
    Map words = [1: 'no', 2: 'usage or configuration', 3: 'evidence or a signature is invalid',
        4: 'the forge, the store or the network refused', 70: 'a bug of mlassay', 130: 'interrupted']
    return words[code] ?: 'it was ended from outside, or could not be started'
}
