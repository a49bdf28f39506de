import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.Parameterized

/** Holds every step to the form of the house: a comment, one call of the runner, and a verb that a machine may use. */
@RunWith(Parameterized)
class HouseFormTest {

    static final List VERBS = ['validate', 'train', 'test', 'run', 'sign', 'record', 'promote', 'decide', 'report', 'status',
        'verify', 'audit anchor', 'audit site']
    static final List OTHERS = ['mlassay', 'mlassayStage', 'mlassayPipeline']

    @Parameterized.Parameters(name = '{0}')
    static List files() {
        return steps().collect { [it.name - '.groovy', it.getText('UTF-8')] as Object[] }
    }

    static List steps() {
        return new File('vars').listFiles().findAll { !OTHERS.contains(it.name - '.groovy') }.sort()
    }

    @Parameterized.Parameter(0)
    public String name
    @Parameterized.Parameter(1)
    public String text

    private Map given() {
        return names().collectEntries { [(it): it == 'crossChecks' ? true : "the ${it}"] }
    }

    private List names() {
        return (text =~ /@param (\w+)/).collect { it[1] }
    }

    /** What the step hands to the runner, and what it hands back. */
    private List called(Map given) {
        List seen = []
        Script step = new GroovyShell().parse(text)
        step.binding.setVariable('mlassay', { Map values, Map said -> seen << [values, said]; 'what the runner told' })
        assert step.invokeMethod('call', [given] as Object[]) == 'what the runner told'
        return seen
    }

    @Test
    void isShort() {
        List code = text.substring(text.indexOf('*/') + 2).trim().readLines()
        assert code.size() <= 12
        assert text.readLines().every { it.length() <= 125 }
    }

    @Test
    void beginsWithACommentThatSaysWhatItDoes() {
        assert text.startsWith('/**\n * ')
        assert text.readLines()[1].endsWith('.')
    }

    @Test
    void callsTheRunnerOnceAndNothingElse() {
        assert called(given()).size() == 1
        String code = text.substring(text.indexOf('*/'))
        List words = (code =~ /(\w+)\s*\(/).collect { it[1] }
        assert words == ['call', 'mlassay']
        assert !(code =~ /\$|\bnew\b|\bimport\b|@Grab|\bsh\b/)
    }

    @Test
    void handsItsParametersOnUntouched() {
        assert called(given())[0][0] == given()
        assert called([:])[0][0] == [:]
    }

    @Test
    void isNamedAfterAVerbThatAMachineMayUse() {
        List words = called([:])[0][1].words
        boolean audit = words[0] == 'audit'
        assert VERBS.contains(audit ? words.join(' ') : words[0])
        List named = audit || words.size() == 1 ? words : [words[1]]
        assert name == 'mlassay' + named*.capitalize().join('')
    }

    @Test
    void documentsExactlyTheParametersThatItTakes() {
        Map step = called([:])[0][1]
        Script runner = new GroovyShell().parse(new File('vars/mlassay.groovy'))
        assert names().sort() == runner.names(step).sort()
    }

    @Test
    void saysNothingThatTheRunnerWouldNotRead() {
        List keys = ['words', 'options', 'switches', 'operands', 'heavy', 'team', 'answers', 'pushes', 'reads', 'forge', 'key', 'keyOption',
            'publishes']
        assert keys.containsAll(called([:])[0][1].keySet())
    }
}
