/**
 * Opens the promotion of a release as a branch; tells promotion, number and url.
 *
 * @param environment where to
 * @param release which one; by default the newest that has not been there
 * @param reason why; everybody who is asked reads it
 * @param deskKey the id of a secret file: the key of the CI signer of requests (PEM)
 * @param login the id of a user name and password (or token) that may push branches
 * @param sshKey the id of an SSH key that may, where the remote is reached by SSH
 * @param forge gitea or github; by default plain git
 * @param token the id of a secret text: a token for that forge
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['promote'], key: 'deskKey', keyOption: '--ci-key', pushes: true, forge: true,
        options: [reason: '--reason'], operands: ['environment', 'release'],
    ])
}
