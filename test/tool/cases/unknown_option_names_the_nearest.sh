winnow doctor --dta-dir x
