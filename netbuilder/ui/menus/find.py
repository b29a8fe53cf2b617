"""Finding, and what is done to links by keys: in the menus Edit, View and Graph."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, has_one, is_drawn, is_on_link, is_on_link_or_node

FIND: tuple[ActionSpec, ...] = (
    action(
        "find.open",
        "&Find…",
        "&Edit",
        "find.open",
        "Ctrl+F",
        icon="search",
        enabled=is_drawn,
        tip="Find layers by name, type, shape, parameter or note, also inside blocks",
        line=True,
    ),
    action("find.next", "Find ne&xt", "&Edit", "find.go_next", "F3", enabled=is_drawn),
    action("find.previous", "Find pre&vious", "&Edit", "find.go_previous", "Shift+F3", enabled=is_drawn),
    action(
        "find.commands",
        "&Commands…",
        "&View",
        "window.show_commands",
        "Ctrl+K",
        tip="Search everything that the menus offer",
        line=True,
    ),
    action(
        "find.from_output",
        "Connect from an &output…",
        "&Graph/Lin&ks",
        "link_keys.from_output",
        "O",
        enabled=has_one,
        tip="Choose one of the layer's ports, then where its link goes; or remove a link",
    ),
    action(
        "find.into_input",
        "Connect into an &input…",
        "&Graph/Lin&ks",
        "link_keys.into_input",
        "I",
        enabled=has_one,
        tip="Choose one of the layer's ports, then where its link comes from; or remove a link",
    ),
    action(
        "find.next_link",
        "Select the ne&xt link",
        "&Graph/Lin&ks",
        "link_keys.select_next",
        ".",
        enabled=is_on_link_or_node,
        tip="Go through the links of the selected layer",
    ),
    action(
        "find.previous_link",
        "Select the pre&vious link",
        "&Graph/Lin&ks",
        "link_keys.select_previous",
        ",",
        enabled=is_on_link_or_node,
        tip="Go through the links of the selected layer, backwards",
    ),
    action(
        "find.insert",
        "In&sert a layer into the link…",
        "&Graph/Lin&ks",
        "link_keys.insert",
        "Ins",
        enabled=is_on_link,
        tip="Search for a layer and put it into the selected link",
    ),
)
