"""Bodies in protobuf, written here byte by byte as client-go writes them."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import protobuf


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    named = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\x00" + field(1, named) + field(2, raw) + field(3, b"") + field(4, b"")


META = field(1, b"web") + field(2, b"") + field(3, b"default") + field(4, b"") + field(8, b"")


def read(api_version: str, kind: str, raw: bytes) -> dict[str, Any]:
    return protobuf.decode(body(api_version, kind, raw))


def test_a_config_map() -> None:
    entry = field(1, b"a") + field(2, b"1")
    found = read("v1", "ConfigMap", field(1, META) + field(2, entry))
    assert found == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "default"},
        "data": {"a": "1"},
    }


def test_bytes_are_written_in_base64() -> None:
    entry = field(1, b"a") + field(2, b"\x00\xff")
    assert read("v1", "Secret", field(1, META) + field(2, entry))["data"] == {"a": "AP8="}


def test_fields_that_json_writes_inline() -> None:
    source = field(2, field(1, b""))  # emptyDir
    volume = field(1, b"tmp") + field(2, source)
    found = read("v1", "Pod", field(1, META) + field(2, field(1, volume)))
    assert found["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}]


def test_numbers_that_may_be_strings_times_and_quantities() -> None:
    port = field(1, b"") + field(3, 80) + field(4, field(1, 1) + field(2, 0) + field(3, b"http")) + field(5, 0)
    found = read("v1", "Service", field(1, META) + field(2, field(1, port)))
    assert found["spec"]["ports"] == [{"port": 80, "targetPort": "http"}]
    created = field(8, field(1, 1_700_000_000) + field(2, 0))
    assert read("v1", "ConfigMap", field(1, created))["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    hard = field(1, field(1, b"pods") + field(2, field(1, b"5")))
    assert read("v1", "ResourceQuota", field(2, hard))["spec"]["hard"] == {"pods": "5"}


def test_a_pointer_to_zero_stays_and_a_plain_zero_goes() -> None:
    spec = field(1, 0) + field(5, 0)  # replicas is a pointer, minReadySeconds is not
    assert read("apps/v1", "Deployment", field(1, META) + field(2, spec))["spec"] == {"replicas": 0}


def test_options_of_a_deletion_belong_to_every_version() -> None:
    found = read("policy/v1", "DeleteOptions", field(1, -1) + field(4, b"Background"))
    assert found["gracePeriodSeconds"] == -1 and found["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"k8s\x00\x0a\x7f",
        body("v1", "Nothing", b""),
        body("example.org/v1", "Pod", b""),
        body("v1", "Pod", b"\x0a\x7f\x01"),
        body("v1", "Pod", b"\x80"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(protobuf.Broken):
        protobuf.decode(data)
