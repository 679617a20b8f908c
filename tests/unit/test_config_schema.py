"""The schema of the settings: what is shipped is valid; what is wrong is told with its place."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from linedrift.sheets import sheet_columns


@pytest.fixture(scope="module")
def config_schema():
    root = Path(__file__).resolve().parents[2]
    text = (root / "workflow" / "schemas" / "config.schema.yaml").read_text(encoding="utf-8")
    schema = yaml.safe_load(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@pytest.fixture
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


def test_the_settings_that_are_shipped_are_valid(config, config_schema):
    assert sheet_columns.check_settings(config, config_schema, "settings") == []


def test_an_unknown_key_is_refused_with_the_nearest_known_one(config, config_schema):
    config["sampels"] = "x"
    config["contrast"]["respons"] = 0.5
    first, second = sheet_columns.check_settings(config, config_schema, "settings")
    assert (first.column, first.hint) == ("sampels", "Did you mean 'samples'?")
    assert (second.column, second.hint) == ("contrast.respons", "Did you mean 'response'?")


def test_every_setting_that_is_shipped_has_its_type_and_range_in_the_schema(config, config_schema):
    def missing(value, schema, place):
        schema = config_schema["$defs"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        if isinstance(value, dict):
            others = schema.get("additionalProperties", True)
            known = schema.get("properties", {})
            return [
                one
                for key, inner in value.items()
                for one in missing(inner, known.get(key, others or {}), f"{place}.{key}")
                if others is not True or key in known
            ] + ([place] if others is True else [])
        return [] if "type" in schema else [place]

    assert missing(config, config_schema, "") == []


def test_the_schema_knows_no_setting_that_is_not_shipped(config, config_schema):
    def unused(value, schema, place):
        known = schema.get("properties", {})
        return [f"{place}.{key}" for key in known if key not in value] + [
            one
            for key, inner in known.items()
            if isinstance(value.get(key), dict)
            for one in unused(value[key], inner, f"{place}.{key}")
        ]

    assert unused(config, config_schema, "") == []


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("contrast", "response", -1), ("contrast", "response", "0.5"), ("events", "rate", 0)],
)
def test_a_value_out_of_range_is_told_with_its_place(config, config_schema, section, key, value):
    config[section][key] = value
    (problem,) = sheet_columns.check_settings(config, config_schema, "settings")
    assert problem.column == f"{section}.{key}"
    assert repr(value) in str(problem)
