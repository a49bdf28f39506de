/** One machine of the harness: folders of its own, and a shell that really runs what it is given. */
class Agent {

    final String label
    final File root

    Agent(String label, File root) {
        this.label = label
        this.root = root
    }

    /** The workspace of a job here; Jenkins names it after the job, with nothing in it that a shell could read. */
    File workspace(String job) {
        File folder = new File(root, "workspace/${job.replaceAll('[^A-Za-z0-9_.-]', '_')}")
        folder.mkdirs()
        return folder
    }

    /** Runs a script as durable-task does: from a file, by its own interpreter, with exactly this environment. */
    Map run(String script, File folder, File temporary, Map environment) {
        folder.mkdirs()
        temporary.mkdirs()
        File file = File.createTempFile('script', '.sh', temporary)
        file.setText(script, 'UTF-8')
        file.setExecutable(true)
        List command = script.startsWith('#!') ? [file.path] : ['/bin/sh', '-xe', file.path]
        ProcessBuilder builder = new ProcessBuilder(command.collect { it.toString() })
        builder.directory(folder)
        builder.environment().clear()
        environment.each { key, value -> builder.environment().put(key.toString(), value.toString()) }
        File out = new File(file.path + '.out')
        File log = new File(file.path + '.err')
        builder.redirectOutput(out).redirectError(log)
        builder.redirectInput(ProcessBuilder.Redirect.from(new File('/dev/null')))
        int code = builder.start().waitFor()
        Map done = [code: code, out: out.getText('UTF-8'), log: log.getText('UTF-8')]
        [file, out, log].each { it.delete() }
        return done
    }
}
