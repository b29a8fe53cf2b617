"""The menus' tables, a module each: what `action_table` puts together."""
