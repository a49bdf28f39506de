/**
 * Reads every file of the repository strictly; tells level, reuse and release.
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['validate'],
    ])
}
