/**
 * The whole pipeline, for two jobs (docs/jenkins.md): a Multibranch one whose Jenkinsfile lies in the repository, which
 * tests and holds no key; and the release job of the main line, which is defined in Jenkins and which no branch can edit.
 *
 * Keys are named by the release job alone. Each is lent to one verb, in a stage that runs no code of the repository.
 *
 * @param agent label of the agents that validate, test and decide; by default any
 * @param trainAgent label of the agents that train; by default `agent`
 * @param rebuildAgent label of the agents that train once more where the risk is major or severe; by default `trainAgent`
 * @param signAgent label of the agents that sign, record and promote, and do nothing else: where there is a signingKey it must be another than those above
 * @param container image to validate and test in
 * @param trainContainer image to train in
 * @param minutes limit of each stage but training; by default 60
 * @param trainMinutes limit of training; by default 360
 * @param crossChecks true: hold the gates against Fairlearn and ART, too
 * @param version full commit of mlassay; by default the version of this library
 * @param source where to fetch mlassay from
 * @param python the agents' Python, 3.11 or newer
 * @param command mlassay as the agents' image has it: nothing is installed
 * @param requirements lock file of the team's own packages, `none` for none
 * @param releaseJob full name of the release job, to be started for each commit of the main line
 * @param repository release job only: address of the repository
 * @param branch the main line's name; by default main
 * @param signingKey release job only: the id of a secret file, the CI signer's private key (PEM)
 * @param login release job: the id of a user name and password that may push; Multibranch: one that may only read
 * @param sshKey the same as an SSH key
 * @param promote release job only: environment to ask for when the verdict is passed
 * @param reason release job only: why, for those who are asked
 * @param deskKey release job only: the id of a secret file, the key of the CI signer of requests (PEM)
 * @param forge release job only: gitea or github, to open pull requests there; by default plain git
 * @param token release job only: the id of a secret text, a token for that forge
 */
def call(Map given = [:]) {
    mlassay.known(given, names(), 'pipeline')
    Map settings = defaults() + given
    if (settings.signingKey && settings.signAgent in [null, '', settings.agent, settings.trainAgent, settings.rebuildAgent]) {
        error('signingKey needs a signAgent that is no agent of training or of tests: what they run could have prepared it ' +
            '(docs/jenkins.md)')
    }
    Map facts = [digests: [:]]
    Map limits = [minutes: settings.minutes, container: settings.container]
    Map trainLimits = [minutes: settings.trainMinutes, container: settings.trainContainer]
    Map signLimits = [minutes: settings.minutes]
    Map common = settings.subMap(mlassay.common())
    Map remote = settings.subMap(['login', 'sshKey'])
    String judged = asked(settings)
    pipeline {
        agent none
        options {
            skipDefaultCheckout()
            disableConcurrentBuilds()
        }
        stages {
            stage('Validate') {
                agent { label "${settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, limits) { facts.plan = mlassayValidate(common) }
                    }
                }
            }
            stage('Decide') {
                when { beforeAgent true; expression { judged } }
                agent { label "${settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, limits) { mlassayDecide(common + remote + [promotion: judged]) }
                    }
                }
            }
            stage('Reuse') {
                when { beforeAgent true; expression { reusable(settings, facts) } }
                agent { label "${settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, limits) { mlassayRun(common + [reuse: true]) }
                    }
                }
            }
            stage('Train') {
                when { beforeAgent true; expression { due(settings, facts) } }
                agent { label "${settings.trainAgent ?: settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, trainLimits) {
                            facts.model = mlassayTrain(common).model
                            mlassayStage.keep(settings, facts, 'train')
                        }
                    }
                }
            }
            stage('Rebuild') {
                when { beforeAgent true; expression { due(settings, facts) && facts.plan.level in ['major', 'severe'] } }
                agent { label "${settings.rebuildAgent ?: settings.trainAgent ?: settings.agent}" }
                steps {
                    script {
                        // The gates judge this one: what one agent alone could have altered is not what is released.
                        mlassayStage(settings, facts, trainLimits) {
                            String first = facts.model
                            facts.model = mlassayTrain(common).model
                            echo("first model: ${first}\nrebuilt:     ${facts.model}")
                            mlassayStage.keep(settings, facts, 'train')
                        }
                    }
                }
            }
            stage('Unit') {
                when { beforeAgent true; expression { due(settings, facts) } }
                agent { label "${settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, limits) {
                            mlassayStage.bring(settings, facts, 'train')
                            mlassayUnit(common)
                            mlassayStage.keep(settings, facts, 'parts')
                        }
                    }
                }
            }
            stage('Gates') {
                when { beforeAgent true; expression { due(settings, facts) } }
                agent { label "${settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, limits) {
                            mlassayStage.bring(settings, facts, 'train')
                            mlassayStage.bring(settings, facts, 'parts')
                            facts.test = mlassayTest(common + [requirements: 'none', withParts: true,
                                crossChecks: settings.crossChecks, junit: '.mlassay/junit.xml', sarif: '.mlassay/findings.sarif'])
                            mlassayStage.keep(settings, facts, 'test')
                            mlassayReport(common + [head: facts.commit, dryRun: true])
                        }
                    }
                }
            }
            stage('Release') {
                when { beforeAgent true; expression { settings.releaseJob && env.BRANCH_NAME == settings.branch } }
                steps {
                    script { build(job: settings.releaseJob, wait: true) }
                }
            }
            stage('Sign') {
                when { beforeAgent true; expression { due(settings, facts) && settings.signingKey } }
                agent { label "${settings.signAgent ?: settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, signLimits) {
                            mlassayStage.bring(settings, facts, 'train')
                            mlassayStage.bring(settings, facts, 'test')
                            facts.sign = mlassaySign(common + [signingKey: settings.signingKey])
                            mlassayStage.keep(settings, facts, 'sign')
                        }
                    }
                }
            }
            stage('Record') {
                when { beforeAgent true; expression { facts.sign } }
                agent { label "${settings.signAgent ?: settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, signLimits) {
                            mlassayStage.bring(settings, facts, 'sign')
                            mlassayRecord(common + remote)
                        }
                    }
                }
            }
            stage('Promote') {
                when { beforeAgent true; expression { facts.sign && facts.sign.verdict == 'passed' && settings.promote } }
                agent { label "${settings.signAgent ?: settings.agent}" }
                steps {
                    script {
                        mlassayStage(settings, facts, signLimits) {
                            mlassayPromote(common + remote + settings.subMap(['forge', 'token']) + [
                                environment: settings.promote, release: facts.sign.release, reason: settings.reason,
                                deskKey: settings.deskKey])
                        }
                    }
                }
            }
        }
    }
}

/** What holds where the Jenkinsfile says nothing. */
Map defaults() {
    return [agent: '', minutes: 60, trainMinutes: 360, branch: 'main', crossChecks: false]
}

/** Every parameter. */
List names() {
    return mlassay.common() - ['run'] + ['agent', 'trainAgent', 'rebuildAgent', 'signAgent', 'container', 'trainContainer',
        'minutes', 'trainMinutes', 'crossChecks', 'releaseJob', 'repository', 'branch', 'signingKey', 'login', 'sshKey',
        'promote', 'reason', 'deskKey', 'forge', 'token']
}

/** Whether this build trains and tests: not when the release job will, nor when these inputs have their verdict already. */
boolean due(Map settings, Map facts) {
    return settings.repository ? facts.plan.release == 'true' : here(settings) && !facts.plan.reuse
}

/** Whether this build shows the verdict that a recorded release with the same inputs has. */
boolean reusable(Map settings, Map facts) {
    return !settings.repository && here(settings) && facts.plan.reuse
}

/** Whether a build of the Multibranch job is of sources, and is not left to the release job. */
boolean here(Map settings) {
    return !asked(settings) && !(settings.releaseJob && env.BRANCH_NAME == settings.branch)
}

/** The id of the promotion or change that this branch asks for, or an empty text. */
String asked(Map settings) {
    String name = env.CHANGE_BRANCH ?: env.BRANCH_NAME ?: ''
    boolean request = name.startsWith('promotion/') || name.startsWith('change/')
    return request && !settings.repository ? name.substring(name.lastIndexOf('/') + 1) : ''
}
