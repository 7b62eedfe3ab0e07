static float bound(float v, float low, float high) { return v < low ? low : v > high ? high : v; }
