# What was probably meant by a name that is not known.

# What goes by another name in Seurat, Signac, harmony, Banksy, scanpy or Python; written without
# capitals and dots. The first that a function has is what was meant.
argument_aliases <- list(
  k = "n.clusters", nclust = "n.clusters", ncluster = "n.clusters", clusters = "n.clusters",
  ndomains = "n.clusters", domains = "n.clusters", centers = "n.clusters", g = "n.clusters",
  resolution = c("resolution", "n.clusters"), res = c("resolution", "n.clusters"),
  slot = "layer", layers = "layer", assayname = "layer", exprsvalues = "layer",
  assay = "assays", assayuse = "assays", modality = "modalities", kind = "modalities",
  groupby = c("section.by", "cluster.name"), splitby = "section.by", sectionkey = "section.by",
  section = "section.by", sections = "section.by", sample = "section.by", samples = "section.by",
  sampleid = "section.by", sampleby = "section.by", group = "section.by",
  groupbyvars = "batch.by", batch = "batch.by", batches = "batch.by", batchkey = "batch.by",
  varstouse = "batch.by",
  reductionuse = "reduction", reductions = "reduction", usedimred = "reduction",
  dimred = "reduction", reductionsave = "reduction.name", newreduction = "reduction.name",
  name = c("reduction.name", "cluster.name"), dimsuse = c("dims", "n.pcs"),
  dims = c("dims", "n.pcs"), ndims = c("n.comps", "n.pcs"), npcs = c("n.pcs", "n.comps"),
  npc = c("n.pcs", "n.comps"), ncomponents = c("n.comps", "n.pcs"), pcs = c("n.pcs", "n.comps"),
  nfeatures = "n.features", ntopgenes = "n.features", nhvg = "n.features", hvg = "n.features",
  featuresuse = "features", genes = "features", mincells = "min.spots",
  algorithm = c("method", "cluster.method"), method = c("method", "cluster.method"),
  clustermethod = c("method", "cluster.method"), clusteringname = "cluster.name",
  kparam = "n.neighbors", neighbours = "n.neighbors", neighbors = "n.neighbors",
  nneighbours = "n.neighbors", kgeom = "n.neighbors", kspatial = "n.neighbors",
  seed = "seed.use", randomseed = "seed.use", randomstate = "seed.use", setseed = "seed.use",
  theta = "harmony.theta", sigma = "harmony.sigma", lambda = "lam", maxiter = "epochs",
  nepochs = "epochs", niter = "epochs", learningrate = "lr", gpu = "device", usegpu = "device",
  cuda = "device", spatial = "coords", coordinates = "coords", locs = "coords",
  coordnames = "coord.cols", image = "coords", images = "coords", weights = "alpha",
  keepcontrols = "controls", progress = "verbose"
)

# Error where `...` holds names that are not `known`. `own`: arguments of the method.
check_argument_names <- function(given, known, own, fn) {
  unknown <- setdiff(given, known)
  if (length(unknown) == 0) {
    return(invisible())
  }
  named <- unknown[nzchar(unknown)]
  meant <- lapply(named, nearest_name, union(own, known), argument_aliases)
  lines <- Map(meant_argument, named, meant, MoreArgs = list(fn = fn, own = own, n = length(named)))
  unknown <- ifelse(nzchar(unknown), unknown, "(without a name)")
  known <- cli::cli_vec(known, list("vec-trunc" = Inf))
  smart_abort(c(
    "{cli::qty(unknown)}Unknown argument{?s}: {.arg {unknown}}.",
    unlist(unname(lines)),
    "i" = if (length(known) > 1) {
      "Beside those of the method for this class there are {.arg {known}}."
    } else {
      "There are {.arg {c(own, known)}}."
    }
  ), fn = fn)
}

meant_argument <- function(given, meant, fn, own, n) {
  line <- if (!is.na(meant)) {
    paste0("Did you mean `", meant, "`", if (n > 1) paste0(" by `", given, "`"), "?")
  }
  note <- switch(plain_name(given),
    resolution = if (!"resolution" %in% own) {
      "A number of clusters is given. To cluster at a resolution:
       FindSMARTClusters(object, method = \"leiden\", resolution = 0.5)."
    },
    npcs = if (fn == "RunSMART") "Components to cluster: FindSMARTClusters(object, n.pcs = 15).",
    gpu = ,
    usegpu = ,
    cuda = "device = \"cuda\" is the GPU."
  )
  stats::setNames(escape_braces(c(line, note)), rep("i", length(c(line, note))))
}

plain_name <- function(x) gsub("[^a-z0-9]", "", tolower(x))

# The one of `there` that was probably meant, or NA.
nearest_name <- function(given, there, aliases = list()) {
  given <- as.character(given)[1]
  there <- as.character(there)
  plain <- plain_name(given)
  alias <- intersect(aliases[[plain]], there)
  if (length(alias)) {
    return(alias[1])
  }
  others <- plain_name(there)
  same <- there[others == plain & nzchar(plain)]
  if (length(same)) {
    return(same[1])
  }
  starts <- there[startsWith(others, plain) | (nchar(others) >= 3 & startsWith(plain, others))]
  if (nchar(plain) >= 3 && length(starts) == 1) {
    return(starts)
  }
  distance <- as.vector(utils::adist(tolower(given), tolower(there)))
  if (length(distance) && min(distance) <= max(1, nchar(given) %/% 3) && nchar(given) > 1) {
    return(there[which.min(distance)])
  }
  NA_character_
}

# A line for an error about `given`, which is none of `there`; NULL where nothing is near.
did_you_mean <- function(given, there, aliases = list()) {
  given <- given[!is.na(given)]
  if (!is.character(given) || length(given) == 0) {
    return(NULL)
  }
  meant <- unique(stats::na.omit(vapply(given, nearest_name, "", there, aliases)))
  if (length(meant)) {
    c("i" = escape_braces(paste0("Did you mean ", paste0("\"", meant, "\"", collapse = ", "), "?")))
  }
}
