/**
 * Checks every signature and digest of one release, or of everything on the main line.
 *
 * @param release which one; by default all
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['verify'], operands: ['release'],
    ])
}
