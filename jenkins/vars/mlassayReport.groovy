/**
 * Puts what a pull request's build measured onto its page, or prints it; tells verdict, number and url.
 *
 * @param head the pull request's commit that was tested
 * @param sarif a file for the findings as SARIF
 * @param dryRun true: print the page, and post nothing
 * @param forge gitea or github; by default plain git
 * @param token the id of a secret text: a token for that forge
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['report'], forge: true,
        options: [head: '--head', sarif: '--sarif'], switches: [dryRun: '--dry-run'],
    ])
}
