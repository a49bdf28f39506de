/**
 * Runs the team's own tests alone, where no other gate runs, and leaves their report for mlassayTest.
 */
def call(Map given = [:]) {
    return mlassay(given, [
        words: ['test', 'unit', '--part'], team: true, answers: true,
    ])
}
