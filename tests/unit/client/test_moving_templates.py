"""ARM templates: parameters, variables, nesting, copies."""

import pytest

from services.client.errors import ExpressionError, MovingError
from services.client.moving.parameters import Given, read_given
from services.client.moving.templates import is_template, read_template
from tests.parts.moving import given as values
from tests.parts.moving import job_resource, sample, template

NOTHING = Given()


def names(document: dict[str, object], given: Given = NOTHING) -> list[str]:
    return [one.name for one in read_template(document, given)]


def test_nested_jobs_come_with_their_whole_name_and_type() -> None:
    found = read_template(sample("nested.json"), values(siteName="Shop"))
    assert [(one.type.rpartition("/")[2], one.name) for one in found] == [
        ("jobCollections", "nightly"),
        ("jobs", "nightly/report"),
        ("jobs", "nightly/poll-1"),
        ("jobs", "nightly/poll-2"),
        ("sites", "Shop"),
    ]


def test_expressions_are_replaced_by_their_values() -> None:
    report = read_template(sample("nested.json"), values(siteName="Shop"))[1].body["properties"]
    assert report["action"]["request"]["uri"] == "https://shop.example.com/report?day=now%20%26%20then"
    assert report["action"]["request"]["body"] == '{"owner": "O\'Brien", "it\'s": True}'
    assert report["action"]["errorAction"]["request"]["body"] == "[failed]"
    assert report["recurrence"]["schedule"]["hours"] == [5, 17]


def test_resources_of_others_are_not_evaluated() -> None:
    assert read_template(sample("nested.json"), values(siteName="Shop"))[-1].body == {}


def test_flat_jobs_are_named_by_a_parameter_or_by_concat() -> None:
    assert names(sample("flat.json")) == [
        "maintenance",
        "maintenance/vacuum",
        "maintenance/protected",
        "maintenance/enqueue",
    ]


def test_a_child_may_repeat_its_whole_name_and_type() -> None:
    parent = {"type": "Microsoft.Scheduler/jobCollections", "name": "c", "resources": [job_resource("c/j")]}
    assert names(template(parent)) == ["c", "c/j"]


def test_resources_may_be_named_and_conditional() -> None:
    document = template()
    document["resources"] = {"one": job_resource("c/a"), "two": {**job_resource("c/b"), "condition": "[equals(1, 2)]"}}
    assert names(document) == ["c/a"]


def test_set_wins_over_the_file_and_the_file_over_the_default() -> None:
    declared = {name: {"type": "string", "defaultValue": "default"} for name in ("a", "b", "c")}
    document = template(job_resource("[format('c/{0}.{1}.{2}', parameters('A'), parameters('b'), parameters('c'))]"))
    file = {"parameters": {"a": {"value": "file"}, "B": {"value": "file"}}}
    assert names({**document, "parameters": declared}, read_given(file, {"A": "set"})) == ["c/set.file.default"]


def test_a_text_of_set_becomes_its_parameters_type() -> None:
    kinds = {"i": "int", "b": "bool", "a": "array", "o": "object"}
    document = template(
        job_resource("c/j", found="[createArray(parameters('i'), parameters('b'), parameters('a'), parameters('o'))]"),
        parameters={name: {"type": kind} for name, kind in kinds.items()},
    )
    texts = {"i": "7", "b": "true", "a": "[1]", "o": '{"x": 1}'}
    found = read_template(document, read_given(None, texts))[0].body["properties"]["found"]
    assert found == [7, True, [1], {"x": 1}]
    with pytest.raises(MovingError, match="of type int, true is not"):
        read_template(document, read_given(None, {**texts, "i": "true"}))
    with pytest.raises(MovingError, match="write it as JSON"):
        read_template(document, read_given(None, {**texts, "i": "seven"}))


def test_all_parameters_without_a_value_are_named_at_once() -> None:
    document = template(parameters={"one": {"type": "string"}, "two": {"type": "int"}})
    with pytest.raises(MovingError, match="one, two; give --set one=VALUE"):
        read_template(document, NOTHING)


def test_a_secret_without_a_value_is_null() -> None:
    document = template(job_resource("c/j", password="[parameters('p')]"), parameters={"p": {"type": "secureString"}})
    vault = read_given({"parameters": {"p": {"reference": {"secretName": "s"}}}}, {})
    for given in (NOTHING, vault):
        assert read_template(document, given)[0].body["properties"] == {"password": None}


def test_a_value_for_no_parameter_is_refused_with_the_nearest() -> None:
    document = template(parameters={"siteName": {"type": "string"}})
    with pytest.raises(MovingError, match="has a parameter sitename2; did you mean siteName"):
        read_given(None, {"siteName2": "x"}).refuse_strangers([document])


def test_an_unknown_function_names_the_expression() -> None:
    with pytest.raises(ExpressionError) as refusal:
        read_template(template(job_resource("c/j", startTime="[utcNow('u')]")), NOTHING)
    assert refusal.value.message.startswith("[utcNow('u')]: the function utcnow() is not known here")


def test_variables_that_need_themselves_are_refused() -> None:
    loop = {"a": "[variables('b')]", "b": "[variables('a')]"}
    with pytest.raises(ExpressionError, match="variable a refers to itself"):
        read_template(template(job_resource("[variables('a')]"), variables=loop), NOTHING)


def test_variables_that_double_each_other_are_refused() -> None:
    doubling = {f"v{n}": f"[concat(variables('v{n - 1}'), variables('v{n - 1}'))]" for n in range(1, 40)}
    variables = {"v0": "xx", **doubling}
    with pytest.raises(ExpressionError, match="more than"):
        read_template(template(job_resource("[variables('v39')]"), variables=variables), NOTHING)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (
            "[resourceId('Microsoft.Scheduler/jobCollections/jobs', 'c', 'j')]",
            "/providers/Microsoft.Scheduler/jobCollections/c/jobs/j",
        ),
        ("[resourceId('other', 'Microsoft.Web/sites', 's')]", "/providers/Microsoft.Web/sites/s"),
        ("[resourceGroup().name]", "default"),
        ("[subscription().subscriptionId]", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_what_a_deployment_knows_has_a_stand_in(expression: str, result: str) -> None:
    found = read_template(template(job_resource("c/j", found=expression)), NOTHING)[0].body["properties"]["found"]
    assert found.endswith(result)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (template({"type": "Microsoft.Scheduler/jobCollections"}), "must have a type and a name"),
        ({**template(), "resources": 5}, "must be an array of objects"),
        ({**template(), "parameters": [1]}, "must be an object of objects"),
        (template({**job_resource("c/j"), "copy": {"name": "n", "count": -1}}), "count must be 0 to"),
        (template(job_resource("[parameters('x')]")), "has no parameter 'x'"),
        (template(job_resource("[copyIndex()]")), "outside of the copy"),
        (template(job_resource("[resourceId('x')]")), "needs a resource type"),
    ],
)
def test_a_broken_template_is_refused(document: dict[str, object], why: str) -> None:
    with pytest.raises(MovingError, match=why):
        read_template(document, NOTHING)


def test_templates_are_told_from_other_documents() -> None:
    assert is_template({"resources": []})
    assert not is_template({"value": []})
    assert not is_template([])
