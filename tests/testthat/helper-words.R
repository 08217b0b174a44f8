# Every piece of text in the modules that the bridge can reach: one row each, of the `module`, the
# `line` and the `text`, in which "value" (or 7) stands for what is filled in. Docstrings are no
# messages, and neither is text of one word.
texts_of_core <- function() {
  env <- reticulate::py_run_string("
def texts():
    import ast
    import re
    from pathlib import Path

    import smartcore

    root = Path(smartcore.__file__).parent.parent

    def source(module):
        stem = root / module.replace('.', '/')
        for path in (stem.with_suffix('.py'), stem / '__init__.py'):
            if path.exists():
                return path.read_text(encoding='utf-8')
        return None

    class Imports(ast.NodeVisitor):
        def __init__(self):
            self.found = []

        def visit_If(self, node):
            typing = isinstance(node.test, ast.Name) and node.test.id == 'TYPE_CHECKING'
            for part in node.orelse if typing else [*node.body, *node.orelse]:
                self.visit(part)

        def visit_ImportFrom(self, node):
            if node.module and node.module.split('.')[0] == 'smartcore':
                self.found += [node.module, *(f'{node.module}.{one.name}' for one in node.names)]

        def visit_Import(self, node):
            self.found += [one.name for one in node.names if one.name.startswith('smartcore')]

    trees, to_do = {}, ['smartcore._bridge']
    while to_do:
        module = to_do.pop()
        text = None if module in trees else source(module)
        if text is not None:
            trees[module] = ast.parse(text)
            imports = Imports()
            imports.visit(trees[module])
            to_do += imports.found

    def filled(node):
        if isinstance(node, ast.Constant):
            return str(node.value)
        if not isinstance(node, ast.FormattedValue):
            return ''.join(map(filled, node.values))
        if node.conversion == ord('r'):
            return repr('value')
        # A name of an argument, and what counts are called.
        return {'name': 'n_neighbors', 'place': 'X'}.get(ast.unparse(node.value), '7')

    rows = []
    for module, tree in sorted(trees.items()):
        parts = set()
        for node in ast.walk(tree):
            body = getattr(node, 'body', None)
            if isinstance(body, list):
                # Docstrings, also of attributes.
                parts |= {
                    one.value for one in body
                    if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
                }
            if isinstance(node, ast.JoinedStr):
                parts |= set(node.values)
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                parts.add(node.format_spec)
        for node in ast.walk(tree):
            text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if (text or isinstance(node, ast.JoinedStr)) and node not in parts:
                said = re.sub('%[0-9.]*[a-z]', '7', filled(node))
                if ' ' in said.strip():
                    rows.append((module, node.lineno, said))
    return {
        'module': [row[0] for row in rows],
        'line': [row[1] for row in rows],
        'text': [row[2] for row in rows],
    }
", local = TRUE, convert = FALSE)
  found <- reticulate::py_to_r(env$texts())
  data.frame(
    module = unlist(found$module), line = unlist(found$line), text = unlist(found$text),
    stringsAsFactors = FALSE
  )
}
