/**
 * Runs every gate on the ONNX model that training left; tells verdict and report.
 *
 * @param crossChecks true: hold the gates against Fairlearn and ART, too
 * @param withParts true: take the unit gate's report from mlassayUnit
 * @param junit a file for the verdict as JUnit XML, shown by the JUnit plugin
 * @param sarif a file for the findings as SARIF, shown by the Warnings plugin
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['test'], heavy: true, answers: true, publishes: true,
        options: [junit: '--junit', sarif: '--sarif'], switches: [crossChecks: '--cross-checks', withParts: '--with-parts'],
    ])
}
