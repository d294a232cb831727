"""What talks to what: services, database, secrets and the way in, as SVG; edges say what the check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from agent.model import mappings
from agent.text import one_line, short

__all__ = ["Edge", "Map", "Node", "draw", "read_map"]

BOX_W, BOX_H = 168.0, 58.0
GAP_X, GAP_Y = 92.0, 34.0
MARGIN = 16.0
ARC = 26.0


@dataclass
class Node:
    """A thing that talks or is talked to."""

    name: str
    kind: str = "service"
    detail: str = ""
    ok: bool | None = None


@dataclass
class Edge:
    """Who reaches whom; ``ok`` is None when that was not checked."""

    source: str
    target: str
    label: str = ""
    ok: bool | None = None
    kind: str = "call"
    why: str = ""


@dataclass
class Map:
    """The whole picture."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def node(self, name: str, kind: str = "service", detail: str = "") -> Node:
        """The node of that name, made when it is new."""
        found = self.nodes.setdefault(name, Node(name, kind))
        if detail:
            found.detail = detail
        return found

    def link(self, source: str, target: str, *, kind: str = "call") -> Edge:
        """The edge, made when it is new."""
        for edge in self.edges:
            if (edge.source, edge.target, edge.kind) == (source, target, kind):
                return edge
        self.edges.append(Edge(source, target, kind=kind))
        return self.edges[-1]


def read_map(application: Mapping[str, Any], checked: Sequence[Mapping[str, Any]]) -> Map:
    """From the application's document (what should talk) and the edges of ``check_connectivity`` (what did)."""
    spec = application.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    drawn = Map()
    for service in mappings(spec.get("services")):
        name = str(service.get("name") or "")
        drawn.node(name, "service", f"port {service.get('port')}" if service.get("port") else "")
        _ways_in(drawn, name, service)
    database = spec.get("database")
    if isinstance(database, Mapping):
        drawn.node(str(database.get("name") or "postgres"), "database", str(database.get("image") or "PostgreSQL"))
    for service in mappings(spec.get("services")):
        name = str(service.get("name") or "")
        for other in service.get("dependsOn") or []:
            drawn.node(str(other))
            drawn.link(name, str(other))
        _secrets(drawn, name, service)
    for edge in checked:
        _checked(drawn, edge)
    if drawn.nodes and not any(node.kind == "way-in" for node in drawn.nodes.values()):
        _browser(drawn)
    return drawn


def _ways_in(drawn: Map, name: str, service: Mapping[str, Any]) -> None:
    ingress = service.get("ingress")
    if isinstance(ingress, Mapping):
        host = str(ingress.get("host") or "ingress")
        drawn.node("ingress", "way-in", f"{host}{ingress.get('path') or ''}")
        drawn.link("ingress", name)


def _secrets(drawn: Map, name: str, service: Mapping[str, Any]) -> None:
    used = service.get("secretEnv")
    references = used.values() if isinstance(used, Mapping) else []
    for secret in sorted({str(r.get("secret")) for r in references if isinstance(r, Mapping) and r.get("secret")}):
        count = sum(isinstance(r, Mapping) and r.get("secret") == secret for r in references)
        drawn.node(secret, "secret", "Secret")
        drawn.link(name, secret, kind="secret").label = f"{count} keys" if count != 1 else "1 key"


def _checked(drawn: Map, data: Mapping[str, Any]) -> None:
    source, target = str(data.get("from") or data.get("source") or ""), str(data.get("to") or data.get("target") or "")
    if not source or not target:
        return
    drawn.node(source)
    drawn.node(target)
    edge = drawn.link(source, target)
    edge.ok = bool(data.get("ok"))
    seconds = data.get("seconds")
    if not edge.ok:
        edge.label = one_line(data.get("failure") or "failed").replace("-", " ")
        edge.why = one_line(data.get("error") or "")
    elif isinstance(seconds, (int, float)):
        edge.label = f"{seconds * 1000:.0f} ms"


def _browser(drawn: Map) -> None:
    reached = {edge.target for edge in drawn.edges if edge.kind == "call"}
    fronts = [node.name for node in drawn.nodes.values() if node.kind == "service" and node.name not in reached]
    if fronts:
        drawn.node("browser", "way-in", "port-forward")
    for front in fronts[:3]:
        drawn.link("browser", front)


def _columns(drawn: Map) -> list[list[Node]]:
    """Callers left of what they call, by the longest way; secrets stand below and are no part of it."""
    names = [node.name for node in drawn.nodes.values() if node.kind != "secret"]
    calls = [(e.source, e.target) for e in drawn.edges if e.kind == "call"]
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for source, target in calls:
            if depth[target] <= depth[source] and depth[source] + 1 < len(names):
                depth[target] = depth[source] + 1
    columns: list[list[Node]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name in names:
        columns[depth[name]].append(drawn.nodes[name])
    return [column for column in columns if column]


def draw(drawn: Map) -> str:
    """The SVG; empty when there is nothing to show."""
    if not drawn.nodes:
        return ""
    columns = _columns(drawn)
    secrets = [node for node in drawn.nodes.values() if node.kind == "secret"]
    tallest = max(len(column) for column in columns)
    body = tallest * BOX_H + (tallest - 1) * GAP_Y
    width = 2 * MARGIN + len(columns) * BOX_W + (len(columns) - 1) * GAP_X
    width = max(width, 2 * MARGIN + len(secrets) * (BOX_W + 20))
    layer = {node.name: index for index, column in enumerate(columns) for node in column}
    arcs = max((_leap(edge, layer) for edge in drawn.edges), default=0) if tallest == 1 else 0
    roof = arcs * ARC + (14 if arcs else 0)
    height = 2 * MARGIN + roof + body + (GAP_Y + 30 + BOX_H if secrets else 0)
    places: dict[str, tuple[float, float]] = {}
    for index, column in enumerate(columns):
        tall = len(column) * BOX_H + (len(column) - 1) * GAP_Y
        for row, node in enumerate(column):
            x = MARGIN + index * (BOX_W + GAP_X)
            places[node.name] = (x, MARGIN + roof + (body - tall) / 2 + row * (BOX_H + GAP_Y))
    for index, node in enumerate(secrets):
        x = (width - len(secrets) * BOX_W - (len(secrets) - 1) * 20) / 2 + index * (BOX_W + 20)
        places[node.name] = (x, height - MARGIN - BOX_H)
    edges = "".join(_edge(edge, places, layer, tallest) for edge in drawn.edges)
    boxes = "".join(_box(node, *places[node.name]) for node in drawn.nodes.values())
    label = escape(one_line("What talks to what: " + ", ".join(f"{e.source} to {e.target}" for e in drawn.edges)))
    arrows = "".join(
        f'<marker id="arrow-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path class="head {kind}" d="M0 0 L8 4 L0 8 z"/></marker>'
        for kind in ("ok", "bad", "none", "secret")
    )
    return (
        f'<svg class="map" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{label}"><defs>{arrows}</defs>{edges}{boxes}</svg>'
    )


def _edge(edge: Edge, places: Mapping[str, tuple[float, float]], layer: Mapping[str, int], tallest: int) -> str:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    kind = "secret" if edge.kind == "secret" else {True: "ok", False: "bad", None: "none"}[edge.ok]
    if edge.kind == "secret":
        sx, sy, tx, ty = x1 + BOX_W / 2, y1 + BOX_H, x2 + BOX_W / 2, y2 - 2
        bend = (ty - sy) * 0.5
        path = f"M{sx:.1f} {sy:.1f} C{sx:.1f} {sy + bend:.1f} {tx:.1f} {ty - bend:.1f} {tx:.1f} {ty:.1f}"
        return f'<path class="edge secret" d="{path}" marker-end="url(#arrow-secret)"/>'
    sx, sy, tx, ty = x1 + BOX_W, y1 + BOX_H / 2, x2 - 2, y2 + BOX_H / 2
    leap = _leap(edge, layer) if tallest == 1 else 0
    if leap:  # over the boxes between
        sx, sy, tx, ty = x1 + BOX_W * 0.62, y1, x2 + BOX_W * (0.62 - 0.24 * (leap - 1)), y2 - 2
        top = min(y1, y2) - leap * ARC
        path = f"M{sx:.1f} {sy:.1f} C{sx:.1f} {top - 6:.1f} {sx + 20:.1f} {top:.1f} {sx + 60:.1f} {top:.1f} "
        path += f"L{tx - 60:.1f} {top:.1f} C{tx - 20:.1f} {top:.1f} {tx:.1f} {top - 6:.1f} {tx:.1f} {ty:.1f}"
        lx, ly = (sx + tx) / 2, top - 5
    else:
        bend = max(abs(tx - sx) * 0.45, 24)
        path = f"M{sx:.1f} {sy:.1f} C{sx + bend:.1f} {sy:.1f} {tx - bend:.1f} {ty:.1f} {tx:.1f} {ty:.1f}"
        lx, ly = (sx + tx) / 2, (sy + ty) / 2 - 6
    words = escape(short(edge.label, 40 if leap else 14))
    label = f'<text class="label {kind}" x="{lx:.1f}" y="{ly:.1f}">{words}</text>' if words else ""
    title = escape(one_line(f"{edge.source} → {edge.target} {edge.label} {edge.why}"))
    return f'<g><title>{title}</title><path class="edge {kind}" d="{path}" marker-end="url(#arrow-{kind})"/>{label}</g>'


def _leap(edge: Edge, layer: Mapping[str, int]) -> int:
    """How many columns an edge has to pass over."""
    if edge.kind == "secret":
        return 0
    return max(layer.get(edge.target, 0) - layer.get(edge.source, 0) - 1, 0)


def _box(node: Node, x: float, y: float) -> str:
    name, detail = escape(short(node.name, 20)), escape(short(node.detail, 26))
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{BOX_W:.0f}" height="{BOX_H:.0f}" rx="10"/>'
    if node.kind == "database":
        r = 7
        shape = (
            f'<path d="M{x:.1f} {y + r:.1f} a{BOX_W / 2:.1f} {r} 0 0 1 {BOX_W:.1f} 0 v{BOX_H - 2 * r:.1f} '
            f'a{BOX_W / 2:.1f} {r} 0 0 1 -{BOX_W:.1f} 0 z"/><path class="rim" d="M{x:.1f} {y + r:.1f} '
            f'a{BOX_W / 2:.1f} {r} 0 0 0 {BOX_W:.1f} 0"/>'
        )
    elif node.kind == "way-in":
        shape = shape.replace('rx="10"', f'rx="{BOX_H / 2:.0f}"')
    down = 5 if node.kind == "database" else 0
    cx = x + BOX_W / 2
    words = f'<text class="name" x="{cx:.1f}" y="{y + (26 if detail else 34) + down:.1f}">{name}</text>'
    words += f'<text class="detail" x="{cx:.1f}" y="{y + 43 + down:.1f}">{detail}</text>' if detail else ""
    title = escape(one_line(f"{node.name} {node.detail}"))
    return f'<g class="node {escape(node.kind)}"><title>{title}</title>{shape}{words}</g>'
