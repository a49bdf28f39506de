import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.junit.Assume
import org.junit.Test

/** Plays the builds that a file names (tests/jenkins/ writes it and judges what came out). */
class PlayTest {

    @Test
    void everyBuildOfThePlayIsPlayed() {
        String path = System.getProperty('mlassay.play')
        Assume.assumeTrue('no play was given with -Dmlassay.play', path != null)
        List played = []
        for (one in new JsonSlurper().parse(new File(path), 'UTF-8')) {
            Map jobs = one.jobs
            Jenkins jenkins = new Jenkins(jobs[one.start], jobs, new File(one.folder))
            jenkins.play(jobs[one.start].script)
            List all = [told(one.start, jenkins)]
            jobs.each { name, job -> if (job.played) { all << told(name, job.played) } }
            played << [name: one.name, calls: jenkins.calls, builds: all]
        }
        new File(path + '.played').setText(JsonOutput.toJson(played), 'UTF-8')
    }

    private static Map told(String name, Jenkins jenkins) {
        return [name: name, result: jenkins.result, failure: jenkins.failure?.toString(), stages: jenkins.stages,
            archived: jenkins.archived]
    }
}
