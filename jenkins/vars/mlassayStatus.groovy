/**
 * Says what runs where, and what waits for whom.
 *
 * @param fetch true: ask the remote first
 * @param login the id of a user name and password (or token) that may read the remote
 * @param sshKey the id of an SSH key that may, where the remote is reached by SSH
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['status'], reads: true, switches: [fetch: '--fetch'],
    ])
}
