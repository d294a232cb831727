"""The images of the node: records that stand-ins for docker and minikube write, and that the kubelet reads.

They are kept in the store under a key of their own, so that whatever saves the store saves them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mcp_tools.targets.sandbox.node import names, registry
from mcp_tools.targets.sandbox.store import Ref, Store

KEY = "images.sandbox.longshore.dev"
"""The key of the store under which the records are."""
BYTES_PER_SECOND = 80 << 20


class Layer(BaseModel):
    """One layer; ``created_by`` as ``docker history`` prints it."""

    model_config = ConfigDict(frozen=True)
    digest: str
    size: int = 0
    created_by: str = ""


class Image(BaseModel):
    """One image. ``tags`` are as docker prints them (``nginx:1.27``), ``digests`` likewise (``nginx@sha256:…``)."""

    model_config = ConfigDict(frozen=True)
    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    ports: tuple[int, ...] = ()
    working_dir: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    created: str = ""
    architecture: str = "amd64"
    damaged: bool = False
    """Its content cannot be read: containers of it cannot be made."""

    @property
    def status_id(self) -> str:
        """``imageID`` of a container's status, as cri-dockerd gives it: by digest when the image was pulled."""
        return f"docker-pullable://{self.digests[0]}" if self.digests else f"docker://{self.id}"


class PullError(Exception):
    """A registry refused; the message is docker's."""


@dataclass(frozen=True)
class Pull:
    """An image on its way: after ``seconds`` it is there."""

    image: Image
    seconds: float


class Images:
    """The records of the node's images."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, str] | None = None
        self.resolver = "192.168.49.1:53"

    def all(self) -> list[Image]:
        """Every image, newest tag first as far as that is known: in the order of their IDs."""
        return [_read(obj) for obj in self._store.select(KEY)]

    def add(self, image: Image) -> None:
        """Add an image, or change its record; a tag that another has moves over."""
        tags = [names.parse(tag).familiar for tag in image.tags]
        for tag in tags:
            other = self.find(tag)
            if other is not None and other.id != image.id:
                self._put(other.model_copy(update={"tags": tuple(kept for kept in other.tags if kept != tag)}))
        self._put(image.model_copy(update={"tags": tuple(tags)}))

    def tag(self, source: str, target: str) -> Image:
        """Give an image one more name.

        Raises:
            KeyError: there is no such image.
        """
        image = self.find(source)
        if image is None:
            raise KeyError(source)
        new = names.parse(target).familiar
        if new not in image.tags:
            self.add(image.model_copy(update={"tags": (*image.tags, new)}))
        return self.find(target) or image

    def remove(self, name: str) -> bool:
        """Remove a name; the image goes with its last one, or at once when named by ID."""
        image = self.find(name)
        if image is None:
            return False
        rest = () if image.id.endswith(name.removeprefix("sha256:")) else self._without(image, name)
        if rest:
            self._put(image.model_copy(update={"tags": rest}))
        else:
            self._store.remove(Ref(KEY, "", _key(image.id)))
        self._by_name = None
        return True

    def _without(self, image: Image, name: str) -> tuple[str, ...]:
        gone = names.parse(name).familiar
        return tuple(tag for tag in image.tags if tag != gone)

    def find(self, name: str) -> Image | None:
        """The image of that name, digest or ID; None when the node has none."""
        index = self._index()
        place = index.get(name)
        if place is None:
            try:
                place = index.get(names.parse(name).familiar)
            except names.InvalidName:
                place = None
        if place is None and len(name) >= 12:
            wanted = name.removeprefix("docker://").removeprefix("sha256:")
            place = next((key for key in set(index.values()) if key.startswith(wanted)), None)
        obj = self._store.get(KEY, "", place) if place is not None else None
        return _read(obj) if obj is not None else None

    def pull(self, name: str, *, private: bool = False) -> Pull:
        """Ask the registry that the name says; ``private``: it has what the public does not see.

        Raises:
            PullError: it refuses, or there is no such registry.
        """
        wanted = names.parse(name)
        found = registry.known(wanted)
        if found is None and private:
            found = registry.Known(96 << 20, ("/app",), (), (8080,))
        if found is None:
            local = registry.SYSTEM.get(f"{wanted.repository}:{wanted.tag}")
            if local is None:
                raise PullError(registry.refusal(wanted, self.resolver))
            found = local
        return Pull(_public(wanted, found), round(0.4 + found.size / BYTES_PER_SECOND, 3))

    def stock(self) -> None:
        """Put the images of a fresh Minikube there."""
        for name, found in registry.SYSTEM.items():
            self._put(_public(names.parse(name), found))

    def _put(self, image: Image) -> None:
        meta = {"name": _key(image.id), "uid": str(uuid.uuid4())}
        record: dict[str, Any] = {"metadata": meta, "image": image.model_dump(mode="json")}
        self._store.put(KEY, record)
        self._by_name = None

    def _index(self) -> dict[str, str]:
        if self._by_name is None:
            self._by_name = {}
            for obj in self._store.select(KEY):
                image, key = obj["image"], obj["metadata"]["name"]
                self._by_name[image["id"]] = key
                self._by_name |= dict.fromkeys((*image["tags"], *image["digests"]), key)
        return self._by_name


def _key(image_id: str) -> str:
    return image_id.removeprefix("sha256:")


_cache: dict[int, tuple[dict[str, Any], Image]] = {}


def _read(obj: dict[str, Any]) -> Image:
    """The record, read; each state of it once, for the store never changes one in place."""
    found = _cache.get(id(obj))
    if found is None or found[0] is not obj:
        if len(_cache) > 2000:
            _cache.clear()
        found = _cache[id(obj)] = (obj, Image.model_validate(obj["image"]))
    return found[1]


def _public(name: names.Name, found: registry.Known) -> Image:
    whole = f"{name.repository}:{name.tag}"
    config = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    return Image(
        id=registry.digest(whole),
        tags=(name.familiar,),
        digests=(f"{name.short}@{registry.digest('manifest ' + whole)}",),
        size=found.size,
        user=found.user,
        entrypoint=found.entrypoint,
        command=found.command,
        env=config,
        ports=found.ports,
        layers=(Layer(digest=registry.digest("layer " + whole), size=found.size),),
    )
