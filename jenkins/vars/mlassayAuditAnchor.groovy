/**
 * Pins the history in one small file, to be kept elsewhere.
 *
 * @param out the new file, outside the checkout
 * @param unsigned true: sign with no key, as a job that has none must
 * @param evenSo true: pin a history with findings too; the anchor says how many there are
 * @param timestamp URL of an RFC 3161 time-stamping authority that stamps it; by default none
 * @param tsaCert a file with that authority's certificates (PEM)
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['audit', 'anchor'], options: [out: '--out', timestamp: '--timestamp', tsaCert: '--tsa-cert'],
        switches: [unsigned: '--unsigned', evenSo: '--even-so'],
    ])
}
