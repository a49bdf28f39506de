/**
 * The ground that every stage of mlassayPipeline stands on: a clean folder with the build's one commit, a time limit, a
 * container where one is wanted, and folders that are handed from agent to agent by their digest.
 */

/**
 * Runs the body in a clean checkout; the first checkout of a build says which commit all of them have.
 *
 * @param settings of mlassayPipeline
 * @param facts    what stages tell each other, kept by the controller and by no agent
 * @param limits   minutes; container: an image, or nothing
 */
def call(Map settings, Map facts, Map limits, Closure body) {
    timeout(time: limits.minutes as int, unit: 'MINUTES') {
        deleteDir()
        Map found = checkout(settings.repository ? source(settings, facts.commit) : scm)
        if (settings.repository && facts.commit && facts.commit != found.GIT_COMMIT) {
            error("commit ${found.GIT_COMMIT} was checked out, but this build is of ${facts.commit}")
        }
        facts.commit = found.GIT_COMMIT
        List here = ["GIT_COMMIT=${found.GIT_COMMIT}"]
        if (settings.repository) {
            here << "GIT_BRANCH=${settings.branch}"
        }
        withEnv(here) {
            if (limits.container) {
                docker.image(limits.container).inside { body() }
            } else {
                body()
            }
        }
    }
}

/** The main line of a repository, whole, at one commit once that is known. */
Map source(Map settings, String commit) {
    Map remote = [name: 'origin', url: settings.repository,
        refspec: "+refs/heads/${settings.branch}:refs/remotes/origin/${settings.branch}"]
    if (settings.login || settings.sshKey) {
        remote.credentialsId = settings.login ?: settings.sshKey
    }
    return [$class: 'GitSCM', branches: [[name: commit ?: "refs/heads/${settings.branch}"]], userRemoteConfigs: [remote]]
}

/** Puts one folder of the run folder aside for later stages; its digest stays with the controller. */
void keep(Map settings, Map facts, String name) {
    facts.digests[name] = digest(settings, name)
    stash(name: "mlassay-${name}", includes: ".mlassay/run/${name}/**", useDefaultExcludes: false)
}

/** Brings one folder of the run folder from an earlier stage, and refuses it when it is not what that stage left. */
void bring(Map settings, Map facts, String name) {
    dir(".mlassay/run/${name}") { deleteDir() }
    unstash("mlassay-${name}")
    String found = digest(settings, name)
    if (found != facts.digests[name]) {
        error("what arrived as mlassay-${name} has digest ${found}, and ${facts.digests[name]} was sent: build again")
    }
}

/** The digest of one folder of the run folder, computed on this agent. */
String digest(Map settings, String name) {
    String program = "${pwd(tmp: true)}/mlassay-digest.py"
    writeFile(file: program, text: libraryResource('mlassay/digest.py'))
    List words = [settings.python ?: 'python3', '-I', program, ".mlassay/run/${name}"]
    return sh(label: "digest of ${name}", script: "#!/bin/sh\nexec ${mlassay.quoted(words)}\n", returnStdout: true).trim()
}
