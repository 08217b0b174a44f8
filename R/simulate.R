#' Simulate spots with two modalities
#'
#' A small section of tissue on the hexagonal lattice of a Visium slide: RNA counts and protein
#' counts of domains that neither modality tells apart alone. It needs neither Python nor a
#' network, and serves the examples, the tests and the vignettes.
#'
#' @param n.rows,n.cols Rows of the lattice and spots in a row; one number, or one for each section.
#' @param n.genes,n.proteins Features of the assays `"Spatial"` and `"ADT"`.
#' @param n.sections Sections side by side in one object, each with an image of its own, called
#'   `"slice1"`, `"slice2"`, …
#' @param batch.effect How much sections differ for no reason of biology: standard deviation, on
#'   the natural logarithm, of the factor that each feature's mean has in each section. 0: not at
#'   all.
#' @param class `"Seurat"`: a Seurat object with an image, of class VisiumV1 under Seurat 4 and
#'   VisiumV2 under Seurat 5. `"SingleCellExperiment"`: coordinates are the columns `x` and `y`
#'   of its `colData()`, proteins its `altExp()`. `"SpatialExperiment"`: coordinates are its
#'   `spatialCoords()`.
#' @param outs Path of a folder, which is made, for the same spots as the files of Space Ranger: the
#'   counts of genes and of antibodies in one `filtered_feature_bc_matrix.h5`, and places and picture
#'   of the spots in `spatial/`. `NULL`: no files. It needs one section, and the packages hdf5r and
#'   png.
#' @param seed.use Seed; the state of R's random numbers is left as it was.
#'
#' @return An object of the class asked for. The column `domain` of its metadata is the truth, a
#'   factor of four levels: `"core"` and `"rim"` differ from the rest in RNA, `"core"` from
#'   `"rim"` in protein alone; `"left"` and `"right"` surround them and differ in protein, too.
#' @concept simulation
#' @export
#' @examples
#' if (requireNamespace("Seurat", quietly = TRUE)) {
#'   object <- SimulateSMART()
#'   table(object$domain)
#'   SeuratObject::Images(object)
#'
#'   # Two sections of different sizes, which a batch effect sets apart.
#'   two <- SimulateSMART(n.rows = c(20, 12), n.sections = 2, batch.effect = 0.5)
#'   table(two$section)
#' }
SimulateSMART <- function(
    n.rows = 20,
    n.cols = 20,
    n.genes = 200,
    n.proteins = 20,
    n.sections = 1,
    batch.effect = 0,
    class = c("Seurat", "SingleCellExperiment", "SpatialExperiment"),
    outs = NULL,
    seed.use = 42) {
  class <- rlang::arg_match(class)
  sizes <- list(
    n.sections = n.sections, n.rows = n.rows, n.cols = n.cols, n.genes = n.genes,
    n.proteins = n.proteins
  )
  least <- c(n.sections = 1, n.rows = 4, n.cols = 4, n.genes = 20, n.proteins = 4)
  for (name in names(sizes)) check_size(sizes[[name]], name, least[[name]], n.sections)
  if (!is_number(batch.effect) || batch.effect < 0) {
    smart_abort(
      "{.arg batch.effect} must be a number from 0 up, not {.val {batch.effect}}.",
      fn = "SimulateSMART"
    )
  }
  if (!is.null(outs) && n.sections > 1) {
    smart_abort("{.arg outs} is the folder of one section: {.code n.sections = 1}.",
      fn = "SimulateSMART"
    )
  }
  n.rows <- rep_len(n.rows, n.sections)
  n.cols <- rep_len(n.cols, n.sections)
  spots <- do.call(rbind, lapply(seq_len(n.sections), function(i) {
    lattice(n.rows[i], n.cols[i], paste0("slice", i))
  }))
  counts <- with_seed(seed.use, simulate_counts(spots, n.genes, n.proteins, batch.effect))
  counts <- lapply(counts, function(x) {
    colnames(x) <- rownames(spots)
    x
  })
  if (!is.null(outs)) write_outs(outs, spots, counts)
  switch(class,
    Seurat = simulated_seurat(spots, counts),
    SingleCellExperiment = simulated_sce(spots, counts),
    SpatialExperiment = simulated_spe(spots, counts)
  )
}

check_size <- function(value, name, least, n.sections) {
  per_section <- name %in% c("n.rows", "n.cols")
  if (!rlang::is_integerish(value, finite = TRUE) || length(value) == 0 || any(value < least) ||
    !length(value) %in% c(1, if (per_section) n.sections)) {
    each <- if (per_section && n.sections > 1) ", or one for each section"
    smart_abort(
      "{.arg {name}} must be a whole number from {least} up{each}, not {.val {value}}.",
      fn = "SimulateSMART"
    )
  }
}

is_number <- function(x) is.numeric(x) && length(x) == 1 && is.finite(x)

# Spots 100 px apart, every other row shifted by half of that.
lattice <- function(n.rows, n.cols, section) {
  row <- rep(seq_len(n.rows), each = n.cols) - 1
  col <- 2 * (rep(seq_len(n.cols), n.rows) - 1) + row %% 2
  x <- 100 + col * 50
  y <- 100 + row * 50 * sqrt(3)
  across <- (x - mean(range(x))) / (diff(range(x)) / 2)
  down <- (y - mean(range(y))) / (diff(range(y)) / 2)
  radius <- sqrt(across^2 + down^2)
  domain <- ifelse(radius < 0.4, "core", ifelse(radius < 0.75, "rim",
    ifelse(across < 0, "left", "right")
  ))
  data.frame(
    section = section, domain = factor(domain, c("core", "rim", "left", "right")),
    x = x, y = y, row = row, col = col,
    row.names = sprintf("%s_%03dx%03d", section, as.integer(row), as.integer(col))
  )
}

# Negative binomial counts. A tenth of the genes is higher in "core" and "rim", another in
# "left" and "right"; a quarter of the proteins is higher in "core" and "left".
simulate_counts <- function(spots, n.genes, n.proteins, batch.effect) {
  domain <- spots$domain
  inner <- domain %in% c("core", "rim")
  odd <- domain %in% c("core", "left")
  tenth <- n.genes %/% 10
  quarter <- n.proteins %/% 4
  depth <- stats::rlnorm(length(domain), sdlog = 0.3)
  genes <- matrix(stats::rlnorm(n.genes, log(0.7), 0.7), n.genes, length(domain))
  genes[seq_len(tenth), inner] <- genes[seq_len(tenth), inner] * 3
  genes[tenth + seq_len(tenth), !inner] <- genes[tenth + seq_len(tenth), !inner] * 3
  proteins <- matrix(stats::rlnorm(n.proteins, log(20), 0.7), n.proteins, length(domain))
  proteins[seq_len(quarter), odd] <- proteins[seq_len(quarter), odd] * 2
  proteins[quarter + seq_len(quarter), !odd] <- proteins[quarter + seq_len(quarter), !odd] * 2
  if (batch.effect > 0) {
    genes <- genes * batch_factors(n.genes, spots$section, batch.effect)
    proteins <- proteins * batch_factors(n.proteins, spots$section, batch.effect)
  }
  draw <- function(mean, size, name) {
    mean <- sweep(mean, 2, depth, `*`)
    counts <- matrix(stats::rnbinom(length(mean), mu = mean, size = size), nrow(mean))
    rownames(counts) <- paste0(name, seq_len(nrow(mean)))
    as_sparse(counts)
  }
  list(Spatial = draw(genes, 4, "Gene"), ADT = draw(proteins, 8, "Protein"))
}

# Features x spots, the same for all spots of a section.
batch_factors <- function(n, section, sd) {
  sections <- unique(section)
  factors <- matrix(stats::rlnorm(n * length(sections), sdlog = sd), n)
  factors[, match(section, sections)]
}

# The value of `code` under a seed and R's own generators, whose state is put back.
with_seed <- function(seed, code) {
  withr::with_seed(
    seed, code,
    .rng_kind = "Mersenne-Twister", .rng_normal_kind = "Inversion", .rng_sample_kind = "Rejection"
  )
}

simulated_sce <- function(spots, counts) {
  rlang::check_installed("SingleCellExperiment")
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts$Spatial),
    colData = S4Vectors::DataFrame(spots[c("section", "domain", "x", "y")]),
    mainExpName = "Spatial"
  )
  SingleCellExperiment::altExp(sce, "ADT") <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts$ADT)
  )
  sce
}

simulated_spe <- function(spots, counts) {
  rlang::check_installed("SpatialExperiment")
  spe <- SpatialExperiment::SpatialExperiment(
    list(counts = counts$Spatial),
    colData = S4Vectors::DataFrame(domain = spots$domain, sample_id = spots$section),
    spatialCoords = as.matrix(spots[c("x", "y")]),
    mainExpName = "Spatial"
  )
  SingleCellExperiment::altExp(spe, "ADT") <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts$ADT)
  )
  spe
}
