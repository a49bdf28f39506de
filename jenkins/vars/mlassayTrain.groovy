/**
 * Trains in a clean, isolated folder that holds only what ml.yaml grants; tells model, its digest.
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['train'], heavy: true,
    ])
}
