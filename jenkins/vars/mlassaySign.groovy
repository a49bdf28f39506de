/**
 * Signs what training and tests left, running no code of the repository; tells release and verdict.
 *
 * @param signingKey the id of a secret file: the CI signer's private key (PEM)
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['sign'], key: 'signingKey', keyOption: '--key',
    ])
}
