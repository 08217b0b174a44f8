"""Messages of the library as the command line says them."""

import pytest

from smartcore.cli._words import for_the_command_line


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("give section_key='sample': spots", "give --section-key sample: spots"),
        ("give section_key='my sample'", "give --section-key 'my sample'"),
        ("by check_names=False.", "by --no-check-names."),
        ("use method='gmm', the same", "use --cluster-method gmm, the same"),
        (
            "regions=0.5 is for preset='robust' (view='filtered')",
            "--regions 0.5 is for --preset robust",
        ),
        (
            "from the layout of the spots (n_neighbors).",
            "from the layout of the spots (--n-neighbors).",
        ),
        ("a lower min_spots would do", "a lower --min-spots would do"),
        (
            "Name them (columns=…; --coords-columns on the command line).",
            "Name them (--coords-columns X Y).",
        ),
        ("by check_names=False (--no-check-names on the command line)", "by --no-check-names"),
        # Names and paths of the user stay.
        ("the file /data/section_key/a.h5ad", "the file /data/section_key/a.h5ad"),
        ("/data/method=gmm/x.h5ad is damaged", "/data/method=gmm/x.h5ad is damaged"),
        ("column 'min_spots' of obs['batch_key']", "column 'min_spots' of obs['batch_key']"),
    ],
)
def test_arguments_become_options(said, expected):
    assert for_the_command_line(said) == expected
