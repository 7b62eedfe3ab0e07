winnow manual | diff - "$CASES/../../../docs/winnow.1"
