/**
 * Validates, trains and tests in one go; tells verdict and report.
 *
 * @param crossChecks true: hold the gates against Fairlearn and ART, too
 * @param junit a file for the verdict as JUnit XML, shown by the JUnit plugin
 * @param sarif a file for the findings as SARIF, shown by the Warnings plugin
 * @param reuse true: take the recorded verdict of a release whose every input is the same
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['run'], heavy: !given.reuse, answers: true, publishes: true,
        options: [junit: '--junit', sarif: '--sarif'], switches: [crossChecks: '--cross-checks', reuse: '--reuse'],
    ])
}
