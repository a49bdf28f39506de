/**
 * Writes the record as static pages that anybody can read.
 *
 * @param out the folder for the pages, outside the checkout; new, or of an earlier run
 * @param title what the site is called; by default the model's name
 * @param asOf the day (UTC, as 2026-11-21, or today) on which to count what is overdue; by default that of the last commit
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['audit', 'site'], options: [out: '--out', title: '--title', asOf: '--as-of'],
    ])
}
