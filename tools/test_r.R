# Run the tests of the installed R package, from the folder tests/, and end with their numbers. A
# test is a test_that(), however many expectations it holds.
library(SpatialSMART)

results <- testthat::test_dir(
  "testthat",
  package = "SpatialSMART", load_package = "installed", stop_on_failure = FALSE,
  reporter = testthat::check_reporter()
)
results <- as.data.frame(results)
failed <- results$failed > 0 | results$error
passed <- !failed & !results$skipped
cat(sum(results$skipped), "skipped, for the reasons above\n")
cat(sum(passed), " passed, ", sum(failed), " failed\n", sep = "")
quit(status = as.integer(any(failed) || !any(passed)))
