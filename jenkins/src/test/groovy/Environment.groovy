/** The variable `env` of a pipeline. */
class Environment {

    private final Jenkins jenkins

    Environment(Jenkins jenkins) {
        this.jenkins = jenkins
    }

    Object getProperty(String name) {
        return jenkins.environment()[name]
    }

    Object getAt(String name) {
        return getProperty(name)
    }
}
