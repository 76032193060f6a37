"Crops of photographs: upright crops of codes, and close-ups of plates"
