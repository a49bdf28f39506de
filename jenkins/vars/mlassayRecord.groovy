/**
 * Puts a release's evidence on the main line, whatever its verdict; tells release and commit.
 *
 * @param login the id of a user name and password (or token) that may push the main line
 * @param sshKey the id of an SSH key that may, where the remote is reached by SSH
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['record'], pushes: true,
    ])
}
