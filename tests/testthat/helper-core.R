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
python_smart <- function(data, seed, epochs, sections = NULL, batches = NULL, rna = NULL, ...) {
  env <- reticulate::py_run_string("
def run(counts, cells, places, all_cells, groups, seed, rna, params):
    import anndata as ad
    import numpy as np
    import smartcore as sm

    modalities = {}
    where = {cell: i for i, cell in enumerate(all_cells)}
    keys = {f'{name}_key': name for name in groups}
    for name, x in counts.items():
        rows = [where[cell] for cell in cells[name]]
        adata = ad.AnnData(x.T.tocsr())
        adata.obs_names = cells[name]
        adata.obsm['spatial'] = np.asarray(places)[rows]
        for group, values in groups.items():
            adata.obs[group] = [values[row] for row in rows]
        settings = dict(keys)
        if name == 'rna':
            settings |= rna or {}
        getattr(sm.pp, name)(adata, seed=seed, **settings)
        modalities[name] = adata
    mdata = sm.tl.smart(modalities, seed=seed, progress=False, **keys, **params)
    mdata = mdata[all_cells]
    return {
        'embedding': np.asarray(mdata.obsm['X_smart']),
        'history': mdata.uns['smart']['history'],
        'n_triplets': mdata.uns['smart']['n_triplets'],
        'features': {name: adata.obsm['X_pca'] for name, adata in modalities.items()},
    }
", local = TRUE, convert = FALSE)
  counts <- data[intersect(names(data), c("rna", "protein", "chromatin"))]
  groups <- Filter(Negate(is.null), list(section = sections, batch = batches))
  reticulate::py_to_r(env$run(
    counts, lapply(counts, colnames), unname(data$coords), rownames(data$coords),
    reticulate::py_dict(as.list(names(groups)), unname(groups)), as.integer(seed), rna, c(list(epochs = as.integer(epochs)), list(...))
  ))
}

# Sections of 10 x 8 and 8 x 6 cells in two halves, with a batch effect; most of their genes and
# proteins are the same, and most of their peaks overlap. Their cells go by the same names.
two_sections <- function(seed = 1) {
  withr::local_seed(seed)
  section <- function(n.x, n.y, genes, proteins, peaks, factor) {
    at <- as.matrix(expand.grid(x = seq_len(n.x), y = seq_len(n.y)))
    rownames(at) <- paste0("cell", seq_len(nrow(at)))
    half <- 1 + (at[, "x"] > n.x / 2)
    draw <- function(names, mean) {
      higher <- outer(seq_along(names) %% 2 + 1, half, `==`)
      batch <- factor^(seq_along(names) %% 3 - 1)
      counts <- matrix(stats::rpois(length(higher), batch * mean * (1 + 2 * higher)), length(names))
      dimnames(counts) <- list(names, rownames(at))
      as_sparse(counts)
    }
    list(
      rna = draw(genes, 0.7), protein = draw(proteins, 5), chromatin = draw(peaks, 0.5), coords = at
    )
  }
  peaks <- function(shift) sprintf("chr1-%d-%d", 1:60 * 1000L + shift, 1:60 * 1000L + 500L + shift)
  list(
    left = section(10, 8, paste0("gene", 1:60), paste0("protein", 1:14), peaks(0L), 1),
    right = section(8, 6, paste0("gene", 70:6), paste0("protein", 12:1), peaks(80L)[-(1:5)], 2)
  )
}

# Sections through the public functions of Python, as its users would give them: a dict of dicts;
# `batches`: section -> the batch of all its cells. Returns the embedding of each section.
python_sections <- function(sections, seed, epochs, n_top_genes = 3000L, n_comps = NULL,
                            align_sections = TRUE, batches = NULL, ...) {
  env <- reticulate::py_run_string("
def run(sections, seed, n_top_genes, n_comps, align_sections, batches, params):
    import anndata as ad
    import numpy as np
    import smartcore as sm

    made = {}
    batch_key = None if batches is None else 'run'
    for section, one in sections.items():
        made[section] = {}
        for name, (x, features, cells, places) in one.items():
            adata = ad.AnnData(x.T.tocsr())
            adata.obs_names, adata.var_names = list(cells), list(features)
            adata.obsm['spatial'] = np.asarray(places)
            if batches is not None:
                adata.obs['run'] = batches[section]
            made[section][name] = adata
    for name in dict.fromkeys(name for one in made.values() for name in one):
        settings = {'n_top_genes': n_top_genes} if name == 'rna' else {}
        settings['batch_key'] = batch_key
        if n_comps is not None:
            settings['n_comps'] = n_comps
        there = {section: one[name] for section, one in made.items() if name in one}
        getattr(sm.pp, name)(there, seed=seed, align_sections=align_sections, **settings)
    done = sm.tl.smart(made, seed=seed, batch_key=batch_key, progress=False, **params)
    return {
        section: np.asarray(mdata[list(next(iter(sections[section].values()))[2])].obsm['X_smart'])
        for section, mdata in done.items()
    }
", local = TRUE, convert = FALSE)
  given <- lapply(sections, function(one) {
    lapply(one[setdiff(names(one), "coords")], function(x) {
      cells <- colnames(x)
      list(x, as.array(rownames(x)), as.array(cells), unname(one$coords[cells, , drop = FALSE]))
    })
  })
  reticulate::py_to_r(env$run(
    given, as.integer(seed), n_top_genes, n_comps, align_sections, batches,
    c(list(epochs = as.integer(epochs)), list(...))
  ))
}

# A section of `two_sections()` as a Seurat object.
section_seurat <- function(data) {
  assays <- c(rna = "RNA", protein = "ADT", chromatin = "ATAC")[setdiff(names(data), "coords")]
  # Assays of Seurat 5 cannot be made of one cell.
  made <- lapply(data[names(assays)], function(x) SeuratObject::CreateAssayObject(counts = x))
  # Some versions warn that they give an assay a key.
  object <- suppressWarnings(SeuratObject::CreateSeuratObject(made[[1]], assay = assays[[1]]))
  for (name in names(assays)[-1]) object[[assays[[name]]]] <- made[[name]]
  object$x <- data$coords[, "x"]
  object$y <- data$coords[, "y"]
  object
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
