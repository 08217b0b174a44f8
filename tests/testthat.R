library(testthat)
library(SpatialSMART)

test_check("SpatialSMART")
