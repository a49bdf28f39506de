/** Declarative Pipeline, as far as the library uses it; anything else in a pipeline block is an error. */
class Declarative {

    final Jenkins jenkins
    final Object none = 'none'

    Declarative(Jenkins jenkins) {
        this.jenkins = jenkins
    }

    void run(Closure body) {
        into(this, body)
    }

    void agent(Object where) {
        assert where == 'none': 'the pipeline itself must hold no agent'
    }

    void options(Closure body) {
        into(new Options(), body)
    }

    void stages(Closure body) {
        into(new Stages(jenkins), body)
    }

    static Object into(Object delegate, Closure body) {
        Closure copy = body.clone() as Closure
        copy.delegate = delegate
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        return copy.call()
    }

    static class Options {
        void skipDefaultCheckout() { }
        void disableConcurrentBuilds() { }
    }

    static class Stages {
        final Jenkins jenkins

        Stages(Jenkins jenkins) {
            this.jenkins = jenkins
        }

        /** Runs one stage after the other; after an error the rest is skipped, after a red answer it is not. */
        void stage(String name, Closure body) {
            Stage stage = new Stage()
            into(stage, body)
            if (jenkins.failure || (stage.condition && !stage.condition.call())) {
                jenkins.stages << [name: name, state: 'skipped']
                return
            }
            jenkins.inStage(name, stage.label, stage.body)
        }
    }

    static class Stage {
        String label
        Closure condition
        Closure body

        void when(Closure body) {
            When when = new When()
            into(when, body)
            condition = when.condition
        }

        void agent(Closure body) {
            Where where = new Where()
            into(where, body)
            label = where.found
        }

        void steps(Closure body) {
            this.body = body
        }
    }

    static class When {
        Closure condition

        void beforeAgent(boolean first) {
            assert first
        }

        void expression(Closure body) {
            condition = body
        }
    }

    static class Where {
        String found

        void label(Object text) {
            found = text.toString()
        }
    }
}
