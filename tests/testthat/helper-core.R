# Counts and places of 20 x 12 cells in four quarters, which differ in some features.
quarters <- function(n.rna = 60, n.protein = 12, seed = 1) {
  withr::local_seed(seed)
  at <- expand.grid(x = 1:20, y = 1:12)
  quarter <- 1 + (at$x > 10) + 2 * (at$y > 6)
  draw <- function(n, mean, name) {
    higher <- outer(seq_len(n) %% 4 + 1, quarter, `==`)
    counts <- matrix(stats::rpois(length(higher), mean * (1 + 2 * higher)), n)
    dimnames(counts) <- list(paste0(name, seq_len(n)), paste0("cell", seq_len(nrow(at))))
    methods::as(counts, "CsparseMatrix")
  }
  coords <- as.matrix(at)
  rownames(coords) <- paste0("cell", seq_len(nrow(at)))
  list(
    rna = draw(n.rna, 0.7, "gene"), protein = draw(n.protein, 5, "protein"),
    coords = coords, quarter = factor(quarter)
  )
}

# The same through the public functions of Python, written as its users would.
python_smart <- function(data, seed, epochs, sections = NULL, ...) {
  env <- reticulate::py_run_string("
def run(counts, cells, places, all_cells, sections, seed, params):
    import anndata as ad
    import numpy as np
    import smartcore as sm

    modalities = {}
    where = {cell: i for i, cell in enumerate(all_cells)}
    for name, x in counts.items():
        rows = [where[cell] for cell in cells[name]]
        adata = ad.AnnData(x.T.tocsr())
        adata.obs_names = cells[name]
        adata.obsm['spatial'] = np.asarray(places)[rows]
        if sections is not None:
            adata.obs['section'] = [sections[row] for row in rows]
        getattr(sm.pp, name)(adata, seed=seed)
        modalities[name] = adata
    mdata = sm.tl.smart(
        modalities, seed=seed, progress=False,
        section_key=None if sections is None else 'section',
        **params,
    )
    mdata = mdata[all_cells]
    return {
        'embedding': np.asarray(mdata.obsm['X_smart']),
        'history': mdata.uns['smart']['history'],
        'n_triplets': mdata.uns['smart']['n_triplets'],
        'features': {name: adata.obsm['X_pca'] for name, adata in modalities.items()},
    }
", local = TRUE, convert = FALSE)
  counts <- data[intersect(names(data), c("rna", "protein", "chromatin"))]
  reticulate::py_to_r(env$run(
    counts, lapply(counts, colnames), unname(data$coords), rownames(data$coords),
    sections, as.integer(seed), c(list(epochs = as.integer(epochs)), list(...))
  ))
}

# R code in a session of its own, with this package loaded as it is here.
run_r <- function(code, env = character(), wait = TRUE, output = tempfile(fileext = ".txt")) {
  path <- getNamespaceInfo("SpatialSMART", "path")
  load <- if (file.exists(file.path(path, "Meta"))) {
    sprintf("library(SpatialSMART, lib.loc = %s)", deparse(dirname(path)))
  } else {
    sprintf("pkgload::load_all(%s, quiet = TRUE)", deparse(path))
  }
  script <- tempfile(fileext = ".R")
  writeLines(c(load, code), script)
  env <- c(env, R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep), R_TESTS = "")
  withr::with_envvar(env, system2(
    file.path(R.home("bin"), "Rscript"), c("--no-save", shQuote(script)),
    stdout = output, stderr = output, wait = wait
  ))
  if (wait) readLines(output, warn = FALSE) else output
}

# A profile that runs R code as a session starts.
profile_that <- function(code, env = parent.frame()) {
  withr::local_tempfile(lines = code, .local_envir = env)
}
