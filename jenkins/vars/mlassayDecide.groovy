/**
 * Prints the policy's decision about a promotion or a change; tells decision.
 *
 * @param promotion its id
 * @param login the id of a user name and password (or token) that may read the remote
 * @param sshKey the id of an SSH key that may, where the remote is reached by SSH
 * @param forge gitea or github; by default plain git
 * @param token the id of a secret text: a token for that forge
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['decide'], answers: true, reads: true, forge: true, operands: ['promotion'],
    ])
}
