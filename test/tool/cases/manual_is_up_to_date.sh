# After a change of commands or options: winnow manual >docs/winnow.1
winnow manual | diff - "$CASES/../../../docs/winnow.1"
