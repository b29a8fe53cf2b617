"""The journal: every edit that no file holds yet, so that a killed program loses next to nothing.

A text file of lines, each with the CRC-32 of what follows it: a header that names the file the edits began from, the
whole document, then one line an edit with the changed entities (`document.changes`). When the changes outgrow the
document, a new *generation* begins, a file of its own; the one before it stays until the next, so that a generation
that a disk has damaged has another behind it. What is read goes through the reader of project files, and reading ends
at the first line that is torn, damaged or out of turn, with what is good until there.

A journal that is being written is held with a lock of the operating system, which ends with the process, however that
ends: `holding.is_live` tells what a crash has left from what another window is writing.
"""
