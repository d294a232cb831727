"""Images that a node cannot get."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_tools.diagnosis import fixes
from mcp_tools.diagnosis.findings import Draft
from mcp_tools.diagnosis.rules_common import about, near, subject
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, message_of, ref_of, states, waiting
from mcp_tools.engines.rollout_causes import split_image

REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"})
# Docker Hub says "denied" of a repository that does not exist as well: that is no refusal.
_DENIED = re.compile(r"unauthorized|authentication required|no basic auth|\b40[13]\b", re.IGNORECASE)
_ABSENT = re.compile(r"repository does not exist", re.IGNORECASE)
_NO_TAG = re.compile(r"manifest (for \S+ )?(unknown|not found)|not found: manifest", re.IGNORECASE)


def images(snapshot: Snapshot) -> Iterator[Draft]:
    """One draft per workload and image."""
    on_nodes = images_on_nodes(snapshot)
    for pod in snapshot.live_pods():
        for container, status in states(pod):
            reason, message = waiting(status)
            if reason in REASONS:
                yield _draft(snapshot, on_nodes, pod, container, reason, message)


def images_on_nodes(snapshot: Snapshot) -> dict[str, set[str]]:
    """Repository → tags that some node has (a node lists its 50 largest images only)."""
    found: dict[str, set[str]] = {}
    for node in snapshot.all("Node"):
        for image in (node.get("status") or {}).get("images") or []:
            for name in image.get("names") or []:
                if "@" not in str(name):
                    repository, tag = split_image(str(name))
                    found.setdefault(repository, set()).add(tag)
    return found


def _draft(
    snapshot: Snapshot, on_nodes: dict[str, set[str]], pod: Manifest, container: Manifest, reason: str, message: str
) -> Draft:
    image, name = str(container.get("image", "")), str(container.get("name"))
    pulls = [message_of(e) for e in snapshot.events(ref_of(pod), "Failed") if image in message_of(e)]
    told = " ".join([message, *pulls[:2]])
    draft = Draft("IMAGE_NOT_ON_NODE", subject(snapshot, pod), "", about=about(snapshot, pod), text=told)
    draft.evidence = [f"container {name} waits: {reason}", *([pulls[0][:400]] if pulls else [message[:400]])]
    repository, tag = split_image(image)
    tags = sorted(on_nodes.get(repository, set()) - {tag})
    if reason == "InvalidImageName":
        draft.code, draft.root_cause = "IMAGE_NAME_INVALID", f"image {image!r} is no image reference"
        draft.remedy = "correct image.repository and image.tag in the chart's values"
    elif _DENIED.search(told) and not _ABSENT.search(told):
        draft.code, draft.root_cause = "IMAGE_PULL_DENIED", f"the registry refuses image {image}"
        draft.remedy = "give the pod an imagePullSecret that may read this repository, or load the image into the node"
    elif "@" not in image and (tags or _NO_TAG.search(told)):
        _wrong_tag(draft, image, tag, tags)
    else:
        _not_there(snapshot, draft, image, container)
    back, proof = fixes.rollback(snapshot, draft.object)
    if back is not None and draft.fix is None:
        draft.fix = back
        draft.evidence.append(proof)
    return draft


def _wrong_tag(draft: Draft, image: str, tag: str, tags: list[str]) -> None:
    draft.code = "IMAGE_TAG_MISSING"
    if tags:
        draft.root_cause = f"image {image} has no tag {tag} on the node{near(tag, tags)}"
        draft.evidence.append(f"the node has this repository with tag {', '.join(tags[:5])}")
    else:
        draft.root_cause = f"the registry has no tag {tag} of image {image.rsplit(':', 1)[0]}"
    draft.remedy = "use a tag that exists, or build and load this one"


def _not_there(snapshot: Snapshot, draft: Draft, image: str, container: Manifest) -> None:
    never = container.get("imagePullPolicy") == "Never"
    why = "may not be pulled (imagePullPolicy Never)" if never else "cannot be pulled"
    draft.root_cause = f"image {image} is not on the node and {why}"
    if snapshot.local_images is None:
        draft.remedy = "load the image into the node (minikube_image_load), or correct its name"
        return
    local = {split_image(ref) for ref in snapshot.local_images}
    repository, tag = split_image(image)
    if (repository, tag) in local:
        draft.evidence.append(f"the local Docker daemon has {image}: it was built and not loaded")
        draft.remedy, draft.fix = "load it into the node", fixes.load_image(image)
        return
    others = sorted(t for r, t in local if r == repository)
    if others:
        draft.evidence.append(f"the local Docker daemon has it with tag {', '.join(others[:5])}")
        draft.remedy = "use one of these tags and load it into the node, or build this one"
    else:
        draft.evidence.append("the local Docker daemon does not have it either")
        draft.remedy = "build the image and load it into the node, or correct its name"


RULES = (images,)
