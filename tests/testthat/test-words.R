# Texts of modules within reach that never come to R, as patterns of module and text, each with the
# reason.
never_in_r <- c(
  "^smartcore (A package|module)" = "Python says it, or asks, as it imports",
  "^smartcore._bridge._components (kind=|features must)" = "R hands over what it has checked itself",
  "give \\(n_spots, n_dims\\)" = "R hands over a matrix",
  "^smartcore.given.aligned " = "R hands over arrays, without names",
  "^smartcore.given.agreed " = "R hands over one table of the cells",
  "^smartcore.given.(off_tissue|feature_types) " = "R finds these itself, and hands over neither",
  "lie outside the tissue \\(obs" = "R leaves out spots off tissue itself",
  "saved by smartcore" = "R reads no saved models",
  "^smartcore.pp._on_disk |AnnData.to_memory" = "R hands over sparse matrices in memory",
  "adata\\.raw|in X or in a layer" = "R hands over counts, no layers",
  "^smartcore.pp._(to_spots|image_colors|spacing) " = "R has nothing of the kind",
  "^smartcore.pp._embedding (An AnnData|7No obsm|vectors )" = "the bridge has vectors in X",
  "^smartcore.pp._checks name=" = "the bridge names modalities itself",
  "^smartcore.pp._harmony |obsm\\[\"value\"\\] of the sections" = "R has nothing of the kind",
  "^smartcore.pp._(join|modality) .*AnnData" = "the bridge makes the AnnData",
  "^smartcore.pp._join by=" = "the bridge says by what features are matched",
  "obs_names_make_unique" = "R gives cells names that begin with their section",
  "obs\\[\"value\"\\]" = "the bridge writes sections and batches for all spots itself",
  "view of backed data|key_added=" = "the bridge makes the AnnData",
  "Coordinates must have shape" = "R hands over 2 or 3 columns",
  "A list or dict of sections|features must map at least" = "R hands over one or more, as a dict",
  "are sparse: give|must be numbers of shape|by FALSE in observed" =
    "R hands over finite numbers, a matrix",
  "^smartcore.tl._n_clusters subsample" = "R leaves the share of a subsample as it is",
  "another version of smartcore" = "the core is called so in R, too",
  "^smartcore.training.checkpoint 7=" = "names of parameters are filled in",
  "^smartcore.training.distributed " = "R starts one process",
  "^smartcore.tl[._](?!_n_clusters )" = "R uses nothing of tl but tl._n_clusters",
  "^smartcore.io( |.(?!_(export|regions|pixels|outlines|vitessce|qupath|folders|write) ))" =
    "of io R uses what writes for viewers, and regions"
)

left_of_python <- paste(
  "\\b[a-z]+_[a-z_]+\\b", "smartcore", "\\w=\\S", "\\b(None(?! of)|True|False)\\b",
  "\\b(obsm?|varm?|uns)\\[", "adata|AnnData|MuData|NumPy|SciPy", "\\bdict\\b",
  "(?<![\\w])'[^']*'(?![\\w])", "\\bX\\b",
  sep = "|"
)

test_that("whatever the core may say comes in R's words", {
  skip_without_core()
  texts <- texts_of_core()
  expect_gt(nrow(texts), 200)
  for (fn in c("RunSMART", "FindSMARTClusters")) {
    texts$said <- in_r_words(texts$text, fn)
    whole <- paste(texts$module, texts$said)
    reached <- !Reduce(`|`, lapply(names(never_in_r), grepl, whole, perl = TRUE))
    left <- reached & grepl(left_of_python, texts$said, perl = TRUE)
    expect_identical(paste(texts$module, texts$line, texts$said)[left], character())
  }
  # Patterns of what the core no longer says go.
  used <- vapply(names(never_in_r), function(pattern) any(grepl(pattern, whole, perl = TRUE)), NA)
  expect_identical(names(never_in_r)[!used], character())
  advice <- names(c(run_advice, python_advice))
  used <- vapply(advice, function(pattern) any(grepl(pattern, texts$text, perl = TRUE)), NA)
  expect_identical(advice[!used], character())
})

test_that("arguments and values of Python become R's, quotes included", {
  words <- function(text) in_r_words(text, "RunSMART", c("n_mutual", "epochs", "alpha", "lr"))
  expect_identical(words("lr='x' must be a number"), "lr = \"x\" must be a number")
  expect_identical(words("epochs=None, n_mutual=[1, 2.5]."), "epochs = NULL, n.mutual = c(1, 2.5).")
  expect_identical(words("alpha={'my ADT': 1, 'b': inf}"), "alpha = c(`my ADT` = 1, b = Inf)")
  expect_identical(words("alpha['a_b']=-1.5e-05 must"), "alpha[\"a_b\"] = -1.5e-05 must")
  expect_identical(
    words("alpha names ['x']; the modalities are ['rna', 'protein']."),
    "alpha names \"x\"; the modalities are \"rna\", \"protein\"."
  )
  expect_identical(words("holds []: True, or None."), "holds none: TRUE, or NULL.")
  expect_identical(words("None of the spots"), "None of the spots")
  expect_identical(words("(first: row 0, [nan, 3.0])"), "(first: row 1, NaN, 3.0)")
})

test_that("names of the user's own stay as they are", {
  words <- function(text) in_r_words(text, "RunSMART", c("n_mutual", "epochs", "alpha"))
  own <- c("n_mutual", "epochs=None", "True", "[None]", "it's", "5'-NT", "a'b n_mutual c'd")
  for (name in own) {
    # As Python quotes it.
    quoted <- if (grepl("'", name)) paste0("\"", name, "\"") else paste0("'", name, "'")
    expect_identical(
      words(paste("section", quoted, "has no features")),
      paste0("section \"", name, "\" has no features")
    )
  }
  expect_identical(words("'CD3\"x' is odd"), "\"CD3\\\"x\" is odd")
  same <- c(
    "/home/n_mutual/epochs=3.h5", "my_gene, n_mutual_1", "kind=None",
    "the spots' own n_clusters.csv",
    "Apple's GPUs, the spots' places"
  )
  expect_identical(words(same), same)
})

test_that("advice on clusters names the function that takes it", {
  text <- "use method='gmm', or a lower n_pcs"
  expect_identical(
    in_r_words(text, "RunSMART", character()),
    "use cluster.method = \"gmm\", or a lower n.pcs in FindSMARTClusters()"
  )
  expect_identical(
    in_r_words(text, "FindSMARTClusters", character()), "use method = \"gmm\", or a lower n.pcs"
  )
})

test_that("errors and warnings of the core come so", {
  skip_without_core()
  data <- quarters()
  run <- function(...) RunSMART(data$rna, data$coords, "rna", verbose = FALSE, epochs = 2, ...)
  expect_error(run(graph = "radius"), "graph = \"radius\" needs radius, in the units", fixed = TRUE)
  expect_error(run(n.neighbors = 240), "n.neighbors = 240 asks for as many", fixed = TRUE)
  wrong <- data$rna
  wrong@x[length(wrong@x)] <- 1.5
  local_stand_ins(check_whole = function(x, ...) invisible(x))
  expect_error(
    RunSMART(wrong, data$coords, "rna", verbose = FALSE),
    "^rna: The counts have values that are no whole.*they seem.*`layer`.*check.counts = FALSE"
  )
})
