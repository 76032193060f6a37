"""Letter shapes: plate fonts, printed fonts, painted lettering."""
