"""The page that steps through the rule: what is in the file, and what a browser makes of it.

The tests that need a browser drive a real Chromium through Playwright (the extra ``browser``), in
the matrix alone (``-m matrix``), and are skipped without them; with ``SKBACKPROP_BROWSER=required``
they fail instead. Every page they open must run without one message on the console, and without one
request but for its own file.
"""

import base64
import json
import os
import re
import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from skbackprop import BackpropClassifier, BackpropRegressor, Mixed
from skbackprop.inspection.page import rendering
from skbackprop.inspection.page.rendering import render
from skbackprop.inspection.recording import record_training
from skbackprop.inspection.signals import trace_signals

HOSTILE = "</script><script>alert(1)</script><!-- {{data}} {{page.css}} & \" ' \u2028 <b>"


def notes_network(**settings):
    """DERIVATION's worked step: 2-2-1, logistic, eta = 0.5."""
    net = BackpropRegressor(
        (2,), activation="logistic", output_activation="logistic", solver="sgd", eta=0.5, **settings
    )
    W = [np.array([[0.2, 0.4], [-0.3, 0.5]]), np.array([[-0.6], [0.7]])]
    b = [np.array([0.1, -0.2]), np.array([0.3])]
    X, y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([1.0, 0.0, 1.0])
    net.partial_fit(X, y, sample_weight=np.zeros(3), coef_init=W, intercept_init=b)
    return net, X, y


def iris_network(**settings):
    """4-10-3 with 100 samples."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = (X - X.mean()) / X.std()
    chosen = np.random.default_rng(0).permutation(len(X))[:100]
    X, y = X.iloc[chosen], load_iris().target_names[y.iloc[chosen]]
    settings = {"activation": "tanh", "solver": "sgd", "eta": 0.05, "max_iter": 2} | settings
    net = BackpropClassifier((10,), random_state=0, **settings)
    return net.partial_fit(X, y, classes=np.unique(y)), X, y


@pytest.fixture(scope="module")
def notes():
    net, X, y = notes_network()
    return trace_signals(net, X, y)


@pytest.fixture(scope="module")
def iris():
    return trace_signals(*iris_network())


@pytest.fixture(scope="module")
def iris_recording():
    return record_training(*iris_network(), n_steps=100)


@pytest.fixture(scope="module")
def digits():
    """64-100-50-10, where layers are abbreviated."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:40] / 16, y[:40]
    net = BackpropClassifier((100, 50), activation=["relu", "tanh"], solver="sgd", random_state=0)
    return trace_signals(net.partial_fit(X, y, classes=np.arange(10)), X, y)


# -- the file --------------------------------------------------------------------------------------


def embedded(html):
    """The page's data, read as a browser reads it: the script element ends at the first `</`."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script', html, re.S)
    return json.loads(text)


def array(item):
    content = np.frombuffer(base64.b64decode(item["base64"]), item["dtype"])
    return content.reshape(item["shape"])


def assert_flow_is(flow, trace):
    for name in ("y", "v", "phi_prime", "delta"):
        for item, expected in zip(flow[name], getattr(trace, name), strict=True):
            np.testing.assert_array_equal(array(item), expected, strict=True)
    for name in ("d", "e", "E"):
        np.testing.assert_array_equal(array(flow[name]), getattr(trace, name), strict=True)


def test_the_data_are_the_trace_bit_for_bit(iris):
    data = embedded(render(iris))
    assert_flow_is(data["samples"], iris)
    for name, expected in (("W", iris.coefs), ("b", iris.intercepts)):
        for item, a in zip(data["samples"][name], expected, strict=True):
            np.testing.assert_array_equal(array(item), a[None], strict=True)
    np.testing.assert_array_equal(array(data["samples"]["eta"]), [iris.eta])
    assert data["training"] is None
    assert data["sizes"] == [4, 10, 3]
    assert data["features"] == iris.feature_names
    assert data["outputs"] == ["class 'setosa'", "class 'versicolor'", "class 'virginica'"]
    assert data["activations"] == ["tanh", "softmax"]


def test_a_recording_has_the_weights_before_each_step_and_after_the_last(iris, iris_recording):
    steps = iris_recording.steps
    flow = embedded(render(iris, iris_recording))["training"]
    for s in (0, 7, 99):
        trace = steps[s].trace
        for layer in range(2):
            W, b = array(flow["W"][layer]), array(flow["b"][layer])
            assert len(W) == len(b) == 101
            np.testing.assert_array_equal(W[s], trace.coefs[layer])
            np.testing.assert_array_equal(W[s + 1], steps[s].coefs[layer])
            np.testing.assert_array_equal(b[s + 1], steps[s].intercepts[layer])
            np.testing.assert_array_equal(array(flow["delta"][layer])[s], trace.delta[layer][0])
        assert array(flow["E"])[s] == trace.E[0]
    np.testing.assert_array_equal(array(flow["row"]), [step.sample for step in steps])


def test_float32_stays_float32():
    X, y = np.eye(4, dtype=np.float32), np.arange(4.0)
    net = BackpropRegressor((3,), random_state=0, max_iter=1).partial_fit(X, y)
    trace = trace_signals(net, X, y)
    assert trace.v[0].dtype == np.float32
    assert_flow_is(embedded(render(trace))["samples"], trace)


def test_neurons_of_one_layer_may_differ():
    mixed = Mixed(["tanh", "relu", "tanh"])
    X, y = np.eye(2), np.arange(2.0)
    net = BackpropRegressor((3,), activation=mixed, random_state=0).partial_fit(X, y)
    data = embedded(render(trace_signals(net, X, y)))
    assert data["activations"] == [["tanh", "relu", "tanh"], "identity"]


def test_without_y_there_is_no_error(iris):
    net, X, _ = iris_network()
    flow = embedded(render(trace_signals(net, X)))["samples"]
    assert flow["E"] is flow["delta"] is flow["e"] is flow["d"] is None
    np.testing.assert_array_equal(array(flow["y"][2]), iris.y[2])


def test_nan_and_infinity_pass(notes):
    odd = replace(notes, E=np.array([np.nan, np.inf, -np.inf]))
    np.testing.assert_array_equal(array(embedded(render(odd))["samples"]["E"]), odd.E)


def test_a_small_file(iris, iris_recording, digits):
    assert len(render(iris).encode()) < 200_000
    assert len(render(iris, iris_recording).encode()) < 500_000  # with 100 steps of training
    assert len(render(digits).encode()) < 1_000_000


def test_nothing_is_fetched(iris):
    html = render(iris)
    outside = re.sub(r'<script type="application/json".*?</script>', "", html, flags=re.S)
    assert not re.search(r"https?:|url\(|@import|<link|<img|src=|fetch\(|XMLHttp", outside)
    assert "default-src 'none'" in html


def test_names_cannot_leave_the_data(notes):
    hostile = replace(notes, feature_names=[HOSTILE, "x1"], output_names=[HOSTILE], loss=HOSTILE)
    html = render(hostile)
    assert embedded(html)["features"][0] == HOSTILE
    plain = render(notes)
    for mark in ("<script", "</script", "<!--", "<b>"):
        assert html.count(mark) == plain.count(mark), mark


def test_the_parts_are_in_the_package_and_readable():
    folder = files("skbackprop.inspection.page")
    template = (folder / "template.html").read_text("utf-8")
    for name in ("template.html", *re.findall(r"\{\{(\w+\.\w+)\}\}", template)):
        assert max(map(len, (folder / name).read_text("utf-8").splitlines())) <= 100, name


def test_to_html_writes_the_page(iris, iris_recording, tmp_path):
    iris.to_html(tmp_path / "page.html", recording=iris_recording)
    assert (tmp_path / "page.html").read_text("utf-8") == render(iris, iris_recording)


def test_a_page_that_cannot_be_made_leaves_the_file_as_it_is(notes, iris_recording, tmp_path):
    path = tmp_path / "page.html"
    notes.to_html(path)
    before = path.read_text("utf-8")
    with pytest.raises(ValueError, match="recording is of another network"):
        notes.to_html(path, iris_recording)
    assert path.read_text("utf-8") == before


def test_no_samples(notes):
    with pytest.raises(ValueError, match="no samples"):
        render(replace(notes, y=[a[:0] for a in notes.y]))


def test_too_many_samples(iris, monkeypatch):
    monkeypatch.setattr(rendering, "MAX_MEGABYTES", 0.05)
    with pytest.raises(ValueError, match=r"100 samples .* 0\.1 MB; .* 0\.05 MB. Trace 7\d rows"):
        render(iris)
    net, X, y = iris_network()
    with pytest.raises(ValueError) as caught:
        render(iris)
    fits = int(re.search(r"Trace (\d+) rows", str(caught.value))[1])
    render(trace_signals(net, X[:fits], y[:fits]))  # the advice holds
    with pytest.raises(ValueError, match=f"{fits + 2} samples"):
        render(trace_signals(net, X[: fits + 2], y[: fits + 2]))


def test_too_many_steps_and_too_large_a_network(notes, iris, iris_recording, monkeypatch):
    monkeypatch.setattr(rendering, "MAX_MEGABYTES", 0.1)
    with pytest.raises(ValueError, match=r"100 recorded steps .* Record 6\d steps at most"):
        render(iris, iris_recording)
    monkeypatch.setattr(rendering, "MAX_MEGABYTES", 1e-5)
    with pytest.raises(ValueError, match="The network is too large"):
        render(notes)


def test_a_recording_of_another_network(notes, iris_recording):
    with pytest.raises(ValueError, match=r"its sizes are \[4, 10, 3\], not \[2, 2, 1\]"):
        render(notes, iris_recording)
    with pytest.raises(ValueError, match=r"\['tanh', 'softmax'\], not \['relu', 'softmax'\]"):
        render(trace_signals(*iris_network(activation="relu")), iris_recording)
    with pytest.raises(ValueError, match="its loss is 'cross_entropy', not 'focal'"):
        render(trace_signals(*iris_network(loss="focal")), iris_recording)
    with pytest.raises(ValueError, match="it has another mask"):
        render(trace_signals(*iris_network(mask=[np.eye(4, 10), None])), iris_recording)
    _, X, y = iris_network()
    columns = [name.upper() for name in X]
    for rows, labels, other in (
        (X.set_axis(columns, axis=1), y, "features"),
        (X, y[::-1] + "x", "outputs"),
    ):
        net = iris_network()[0]
        net = BackpropClassifier(**net.get_params()).partial_fit(
            rows, labels, classes=np.unique(labels)
        )
        with pytest.raises(ValueError, match=f"its {other} are "):
            render(trace_signals(net, rows), iris_recording)
    with pytest.raises(TypeError, match="recording is 'steps'; it must be a TrainingRecord"):
        notes.to_html("unwritten.html", "steps")
    with pytest.raises(ValueError, match="no steps"):
        render(notes, replace(iris_recording, steps=[]))


# -- in a browser ----------------------------------------------------------------------------------


def unavailable(reason):
    """Skip, or fail where the browser must be there."""
    if os.environ.get("SKBACKPROP_BROWSER") == "required":
        pytest.fail(f"SKBACKPROP_BROWSER=required, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("Playwright is not installed: pip install -e '.[browser]'")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        unavailable(f"there is no browser: none of {', '.join(names)} is on the PATH")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield running
        running.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a page; at the end, nothing may have been said on its console or asked of a network."""
    complaints, contexts = [], []

    def opened(trace, recording=None, **settings):
        path = tmp_path / f"{len(contexts)}.html"
        trace.to_html(path, recording)
        usual = {"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(**usual | settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request", lambda r: r.url == path.as_uri() or complaints.append(f"request of {r.url}")
        )
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def value(scope, name):
    """A number on the page, with all its digits."""
    return float(scope.locator(f'[data-name="{name}"]').first.get_attribute("data-value"))


def values(scope, name):
    return [
        float(found.get_attribute("data-value"))
        for found in scope.locator(f'[data-name="{name}"]').all()
    ]


def node(page, key):
    return page.locator(f'[data-key="{key}"]')


def go(page, stage):
    page.get_by_role("radio", name=stage, exact=True).check(force=True)


def sample(page, row):
    page.fill("#row", str(row))
    page.keyboard.press("Enter")


def shown(x, digits=4):
    """A number as the page writes it."""
    plain = x == 0 or 1e-3 <= abs(x) < 10**digits
    if x == 0:
        return "0"
    if not plain:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return np.format_float_positional(x, digits, fractional=False, unique=False, trim="k").replace(
        "-", "−"
    )


def test_the_stages_bring_the_signals_into_view(open_page, iris):
    page = open_page(iris)
    sample(page, 37)
    following = page.get_by_role("button", name="Next ›")
    hidden, output = node(page, "n:1:3"), node(page, "n:2:1")

    assert value(node(page, "n:0:2"), "y") == iris.y[0][37, 2]
    assert hidden.locator('[data-name="v"]').text_content() == ""
    following.click()
    assert page.inner_text("#stage-title") == "Forward, hidden layer"
    assert value(hidden, "v") == iris.v[0][37, 3]
    assert value(hidden, "y") == iris.y[1][37, 3]
    assert hidden.locator('[data-name="v"]').text_content() == shown(iris.v[0][37, 3], 3)
    assert output.locator('[data-name="v"]').text_content() == ""
    following.click()
    assert value(output, "y") == iris.y[2][37, 1]
    assert page.text_content('#network [data-name="E"]') == ""
    following.click()
    assert page.inner_text("#stage-title") == "Error"
    assert value(node(page, "e:1"), "d") == iris.d[37, 1]
    assert value(node(page, "e:1"), "e") == iris.e[37, 1]
    assert value(page.locator("#network"), "E") == iris.E[37]
    assert f"E = {shown(iris.E[37])}" in page.text_content("#network")
    assert value(output, "phi_prime") == iris.phi_prime[1][37, 1]
    assert output.locator('[data-name="delta"]').text_content() == ""
    following.click()
    assert value(output, "delta") == iris.delta[1][37, 1]
    assert hidden.locator('[data-name="delta"]').text_content() == ""
    following.click()
    assert page.inner_text("#stage-title") == "Backward, hidden layer"
    assert value(hidden, "delta") == iris.delta[0][37, 3]
    following.click()
    assert page.inner_text("#stage-title") == "Changes"
    assert following.is_disabled()
    page.get_by_role("button", name="‹ Back").click()
    assert page.inner_text("#stage-title") == "Backward, hidden layer"


def test_the_table_has_every_number(open_page, iris):
    page = open_page(iris)
    sample(page, 99)
    page.get_by_text("All signals as a table").click()
    table = page.locator("#table table")
    table.wait_for()
    assert values(table, "y") == [*iris.y[0][99], *iris.y[1][99], *iris.y[2][99]]
    assert values(table, "v") == [*iris.v[0][99], *iris.v[1][99]]
    assert values(table, "phi_prime") == [*iris.phi_prime[0][99], *iris.phi_prime[1][99]]
    assert values(table, "delta") == [*iris.delta[0][99], *iris.delta[1][99]]
    assert values(table, "e") == [*iris.e[99]]
    page.select_option("#digits", "12")
    assert shown(iris.v[0][99, 0], 12) in table.inner_text()


def test_the_worked_step_of_the_notes(open_page, notes):
    page = open_page(notes)
    page.select_option("#digits", "12")
    go(page, "Changes")
    worked = page.locator("#worked")
    by_hand = {
        "n:2:0": ["0.340218288032", "0.584243546733", "0.415756453267", "0.100988500093"],
        "n:1:0": ["0.300000000000", "0.574442516812", "−0.0148124869397", "−0.00740624346985"],
        "n:1:1": ["0.200000000000", "0.549833997312", "0.0174974291984", "0.00874871459918"],
        "w:2:2:0": ["0.0504942500463"],
        "w:2:0:0": ["0.0290060440811", "∂E/∂ej · ∂ej/∂yj · ∂yj/∂vj · ∂vj/∂wji"],
        "w:2:1:0": ["0.0277634553443"],
        "w:1:0:0": ["−0.00740624346985", "∂E/∂yj · ∂yj/∂vj · ∂vj/∂wji"],
        "w:1:0:1": ["0.00874871459918"],
    }
    for key, numbers in by_hand.items():
        node(page, key).dispatch_event("click")
        text = worked.inner_text()
        for number in numbers:
            assert number in text, (key, number)
    assert "E = 0.0864267142164" in page.text_content("#network")


def test_a_variance_has_no_desired_output(open_page):
    net, X, y = notes_network()
    net = BackpropRegressor((3,), loss="gaussian_nll", solver="sgd", random_state=0)
    trace = trace_signals(net.partial_fit(X, y), X, y)
    page = open_page(trace)
    go(page, "Changes")
    assert values(page.locator("#network"), "d") == [trace.d[0, 0]]
    for neuron, d in ((0, [trace.d[0, 0]]), (1, [])):
        node(page, f"n:2:{neuron}").click()
        assert values(page.locator("#worked"), "d") == d
        assert value(page.locator("#worked"), "e") == trace.e[0, neuron]
    page.get_by_text("All signals as a table").click()
    table = page.locator("#table table")
    table.wait_for()
    assert values(table, "d") == [trace.d[0, 0]] and values(table, "e") == [*trace.e[0]]


def test_a_hidden_neuron_worked_out(open_page, iris):
    page = open_page(iris)
    sample(page, 12)
    go(page, "Backward, hidden layer")
    node(page, "n:1:4").click()
    worked = page.locator("#worked")
    assert worked.locator("h2").inner_text() == "Hidden neuron 4"
    for name, expected in (
        ("v", iris.v[0][12, 4]),
        ("y", iris.y[1][12, 4]),
        ("phi_prime", iris.phi_prime[0][12, 4]),
        ("delta", iris.delta[0][12, 4]),
    ):
        assert value(worked, name) == expected
    w = np.array([iris.intercepts[0][4], *iris.coefs[0][:, 4]])
    back = iris.delta[1][12] * iris.coefs[1][4]
    np.testing.assert_allclose(values(worked, "term")[:5], w * [1, *iris.y[0][12]], rtol=1e-15)
    np.testing.assert_allclose(values(worked, "term")[5:], back, rtol=1e-15)
    np.testing.assert_allclose(value(worked, "back"), back.sum(), rtol=1e-14)
    changes = [iris.db(0, 12)[4], *iris.dw(0, 12)[:, 4]]
    np.testing.assert_allclose(values(worked, "dw"), changes, rtol=1e-15)
    assert "δj = φ′j(vj) ∑k δk wkj" in worked.inner_text()
    assert "trace.delta[0][12, 4]" in worked.inner_text()


def test_a_weight_worked_out_and_followed(open_page, iris):
    page = open_page(iris)
    sample(page, 12)
    go(page, "Changes")
    node(page, "w:2:7:1").locator(".hit").dispatch_event("click", {"bubbles": True})
    worked = page.locator("#worked")
    change = iris.dw(1, 12)[7, 1]
    assert value(worked, "w") == iris.coefs[1][7, 1]
    np.testing.assert_allclose(value(worked, "dw"), change, rtol=1e-15)
    np.testing.assert_allclose(value(worked, "gradient"), -change / iris.eta[1], rtol=1e-14)
    np.testing.assert_allclose(value(worked, "w_after"), iris.coefs[1][7, 1] + change, rtol=1e-15)
    assert page.text_content('[data-label="w:2:7:1"]') == shown(change, 3)
    assert "trace.dw(1, 12)[7, 1]" in worked.inner_text()
    worked.get_by_role("button", name="Output neuron 1 (class 'versicolor')").click()
    assert value(worked, "delta") == iris.delta[1][12, 1]
    worked.get_by_role("button", name="neuron 7").first.click()
    assert worked.locator("h2").inner_text() == (
        "Weight from hidden neuron 7 to output neuron 1 (class 'versicolor')"
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "cross entropy and softmax belong together"),
        ({"loss": "squared_error", "output_activation": "softmax"}, "depends on every v"),
        ({"loss": "squared_error", "output_activation": "logistic"}, "δj = ej φ′j(vj)"),
        ({"loss": "squared_error"}, "What the product comes to, and is computed as"),
        ({"loss": "focal"}, "Computed from v in one piece"),
        ({"loss": "hinge"}, "ej = −∂E/∂yj = dj (dj yj < 1)"),
        ({"loss": "hinge"}, "of the loss hinge. A comparison counts 1 where it holds."),
    ],
    ids=["pair", "softmax", "slope", "identity", "focal", "hinge", "comparison"],
)
def test_every_way_to_the_output_delta(open_page, settings, sentence):
    trace = trace_signals(*iris_network(**settings))
    page = open_page(trace)
    node(page, "n:2:2").click()
    worked = page.locator("#worked")
    assert value(worked, "delta") == trace.delta[1][0, 2]
    assert value(worked, "e") == trace.e[0, 2]
    assert sentence in worked.inner_text()
    if sentence == "depends on every v":  # the terms of the Jacobian add up to delta
        np.testing.assert_allclose(sum(values(worked, "term")[11:]), trace.delta[1][0, 2])
    for stage in ("Error", "Backward, output layer"):
        go(page, stage)


@pytest.mark.parametrize(
    ("name", "layer", "neuron"),
    [("notes", 0, 1), ("notes", 1, 0), ("iris", 0, 4), ("slopes", 1, 2)],
)
def test_the_page_says_what_explain_says(open_page, request, name, layer, neuron):
    if name == "slopes":
        settings = {"loss": "squared_error", "output_activation": "logistic", "random_state": 0}
        _, X, y = iris_network()
        net = BackpropClassifier((6,), **settings).partial_fit(X, y, classes=np.unique(y))
        trace = trace_signals(net, X, y)
    else:
        trace = request.getfixturevalue(name)
    page = open_page(trace)
    sample(page, 2)
    page.select_option("#digits", "12")
    go(page, "Changes")
    for weight, key in ((None, f"n:{layer + 1}:{neuron}"), (1, f"w:{layer + 1}:1:{neuron}")):
        node(page, key).dispatch_event("click")
        text = trace.explain(2, layer, neuron, weight, digits=12)
        if weight is not None:  # the rest is what the page says of the neuron
            text = text[text.index("The chain rule") :]
        said, seen = (
            np.array([abs(float(x)) for x in re.findall(r"\d+\.\d+(?:e[-+]?\d+)?", text)])
            for text in (text, page.inner_text("body").replace("\N{MINUS SIGN}", "-"))
        )
        assert len(said) >= 6
        found = np.isclose(said[:, None], seen, rtol=1e-10, atol=0.0).any(axis=1)
        assert found.all(), (key, said[~found])


def test_a_row_that_is_none_leaves_the_page_and_the_box_as_they_are(open_page, iris):
    page = open_page(iris)
    sample(page, 7)
    for entered in ("1.5", ""):
        sample(page, entered)
        assert page.input_value("#row") == page.input_value("#slider") == "7"
        assert value(node(page, "n:0:2"), "y") == iris.y[0][7, 2]


def test_an_edge_that_carries_nothing_is_grey(open_page, notes):
    page = open_page(notes)  # of the inputs 1 and 0
    stroke = "(edge) => getComputedStyle(edge.querySelector('.seen')).stroke"
    legend = "(item) => getComputedStyle(item.querySelector('line')).stroke"
    samples = page.locator("#legend svg")
    colours = {}
    for stage in ("Inputs", "Forward, hidden layer", "Changes"):
        go(page, stage)
        colours[stage] = [node(page, key).evaluate(stroke) for key in ("w:1:0:1", "w:1:1:1")]
        signs = [samples.nth(n).evaluate(legend) for n in range(3)]
        assert len(set(signs)) == samples.count() == 3
    assert colours == {
        "Inputs": [signs[0]] * 2,
        "Forward, hidden layer": [signs[0]] * 2,
        "Changes": [signs[0], signs[2]],
    }
    assert page.inner_text("#legend").count("zero (grey)") == 1


def test_what_the_mask_keeps_does_not_change(open_page):
    mask = [np.ones((4, 10)), None]
    mask[0][2, 3] = 0
    trace = trace_signals(*iris_network(mask=mask))
    page = open_page(trace)
    node(page, "w:1:2:3").dispatch_event("click")
    worked = page.locator("#worked")
    assert value(worked, "dw") == trace.dw(0, 0)[2, 3] == 0
    assert "The mask keeps this weight" in worked.inner_text()


def test_the_keyboard_does_it_all(open_page, iris):
    page = open_page(iris)
    key = "document.activeElement.getAttribute('data-key')"

    def press(*keys):
        for name in keys:
            page.keyboard.press(name)
        return page.evaluate(key)

    page.locator("#stages input").first.focus()
    press("ArrowRight")
    assert page.inner_text("#stage-title") == "Forward, hidden layer"
    press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    assert page.inner_text("#stage-title") == "Backward, hidden layer"
    page.locator("#slider").focus()
    press("ArrowRight", "ArrowRight")
    assert page.input_value("#row") == "2"

    page.locator("#stages input:checked").focus()
    for _ in range(9):
        if press("Tab"):
            break
    assert page.evaluate(key) == "n:0:0"  # one stop of the whole network
    assert press("ArrowDown", "ArrowDown") == "n:0:2"
    assert press("ArrowRight") == "w:1:2:0"
    assert press("ArrowDown") == "w:1:2:1"
    assert press("ArrowRight") == "n:1:1"
    assert press("ArrowRight", "ArrowRight") == "n:2:0"
    assert press("ArrowLeft") == "w:2:0:0"
    assert press("ArrowDown") == "w:2:1:0"
    outline = page.evaluate(
        "getComputedStyle(document.activeElement.querySelector('.seen')).strokeWidth"
    )
    assert outline == "4.5px"  # the focus is seen
    press("Enter")
    assert value(page.locator("#worked"), "w") == iris.coefs[1][1, 0]
    assert page.evaluate(key) == "w:2:1:0"
    assert press("ArrowLeft") == "n:1:1"
    press(" ")
    assert value(page.locator("#worked"), "delta") == iris.delta[0][2, 1]
    assert node(page, "n:1:1").get_attribute("aria-pressed") == "true"
    press("Escape")
    assert page.inner_text("#worked h2") == "Worked chain rule"


def test_the_window_of_a_layer_is_moved_by_keyboard(open_page, digits):
    page = open_page(digits)
    focused = "document.activeElement.getAttribute('data-key')"
    more = page.get_by_role("button", name="92 more below, hidden layer 0")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "below:1":
            break
    assert more.evaluate("(item) => item === document.activeElement")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "n:1:15"  # the last of those that came into view
    page.get_by_role("button", name="8 more above, hidden layer 0").focus()
    page.keyboard.press(" ")
    assert page.evaluate(focused) == "n:1:0"
    assert more.count() == 1
    assert page.locator("#network [tabindex='0']:not(.more)").count() == 1


def test_what_is_heard(open_page, iris, iris_recording):
    page = open_page(iris, iris_recording)
    assert page.get_by_role("group", name="Network", exact=True).count() == 1
    status = page.get_by_role("status")
    assert status.get_attribute("aria-live") == "polite"
    page.get_by_role("button", name="Next ›").click()
    heard = status.inner_text()
    assert heard.startswith("Sample 0. Stage 2 of 7, Forward, hidden layer.")
    assert f"Hidden neuron 9, v {shown(iris.v[0][0, 9])}, y {shown(iris.y[1][0, 9])}" in heard
    neuron = page.get_by_role("button", name=f"Hidden neuron 9, v {shown(iris.v[0][0, 9])}")
    assert neuron.count() == 1
    name = "Weight from hidden neuron 2 to output neuron 0 (class 'setosa')"
    weight = page.get_by_role("button", name=name)
    assert shown(iris.coefs[1][2, 0]) in weight.get_attribute("aria-label")
    bias = page.get_by_role("button", name="Weight from the bias (y₀ = +1) to hidden neuron 0")
    assert bias.count() == 1
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select, [role=button], [role=img]")]
           .filter((item) => !(item.getAttribute("aria-label") || item.textContent.trim()
                               || item.labels?.length)).map((item) => item.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("#network [tabindex='0']").count() == 1


CONTRASTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const solid = (colour) => colour !== "transparent" && (parse(colour)[3] ?? 1) > 0;
  const ground = (element) => {
    const card = element.closest("g.neuron, g.error, g.bias")?.querySelector(".card");
    if (card && !element.classList.contains("name")) return getComputedStyle(card).fill;
    for (let up = element; up; up = up.parentElement)
      if (solid(getComputedStyle(up).backgroundColor)) return getComputedStyle(up).backgroundColor;
  };
  const written = [...document.body.querySelectorAll("*")].filter((element) =>
    !element.closest("script, noscript, .skip, .unseen") && element.checkVisibility()
    && [...element.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
  return written.map((element) => {
    const style = getComputedStyle(element);
    const [a, b] = [light(element.namespaceURI.endsWith("svg") ? style.fill : style.color),
                    light(ground(element))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), element.textContent.slice(0, 40), element.className];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read(open_page, iris, iris_recording, scheme):
    page = open_page(iris, iris_recording, color_scheme=scheme)
    paper = "getComputedStyle(document.body).backgroundColor"
    other = {"light": "rgb(23, 24, 27)", "dark": "rgb(251, 250, 246)"}
    toggle = page.get_by_role("button", name="Dark theme")
    assert toggle.get_attribute("aria-pressed") == str(scheme == "dark").lower()
    node(page, "n:1:1").click()
    page.get_by_text("All signals as a table").click()
    for stage in range(7):
        page.locator(f"#stages input[value='{stage}']").check(force=True)
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 100
        assert [item for item in contrasts if not item[0] >= 4.5] == []
    assert page.evaluate(paper) != other[scheme]
    toggle.click()
    assert page.evaluate(paper) == other[scheme]
    assert toggle.get_attribute("aria-pressed") == str(scheme == "light").lower()
    page.mouse.move(0, 0)
    assert [item for item in page.evaluate(CONTRASTS) if not item[0] >= 4.5] == []


def test_the_recorded_training_plays(open_page, iris, iris_recording):
    from playwright.sync_api import expect

    page = open_page(iris, iris_recording)
    steps = iris_recording.steps
    assert not page.get_by_role("button", name="Play").is_visible()
    page.get_by_role("radio", name="Online training").check(force=True)
    node(page, "w:2:4:1").dispatch_event("click")
    worked = page.locator("#worked")
    for s in (0, 1, 50):
        sample(page, s)
        assert value(worked, "w") == steps[s].trace.coefs[1][4, 1]
        assert value(worked, "w_after") == steps[s].coefs[1][4, 1]
        np.testing.assert_allclose(value(worked, "dw"), steps[s].trace.dw(1, 0)[4, 1], rtol=1e-15)
        assert value(node(page, "n:1:3"), "delta") == steps[s].trace.delta[0][0, 3]
        assert f"it presents row {steps[s].sample}" in page.inner_text("#row-note")
    assert "recording.steps[50].trace.dw(1, 0)[4, 1]" in worked.inner_text()
    assert "does more" not in worked.inner_text()  # solver="sgd" is the rule and nothing else
    page.get_by_role("button", name="Next", exact=True).click()
    assert page.input_value("#row") == "51"

    sample(page, 95)
    page.select_option("#speed", "10")
    play = page.locator("#play")
    play.click()
    assert play.inner_text() == "Pause"
    expect(play).to_have_text("Play")
    assert page.input_value("#row") == "99"
    assert value(worked, "w_after") == steps[99].coefs[1][4, 1]
    assert value(worked, "w_after") == iris_recording.final_estimator.coefs_[1][4, 1]
    play.click()  # from the start again
    expect(page.locator("#row")).to_have_value(re.compile(r"[3-9]|[1-8]\d"))  # under way
    play.click()
    assert play.inner_text() == "Play"
    paused = page.input_value("#row")
    page.wait_for_timeout(300)
    assert page.input_value("#row") == paused
    page.get_by_role("radio", name="Samples").check(force=True)
    assert page.inner_text("#row-label") == "Sample"


def test_each_row_has_its_own_eta(open_page, notes):
    model, X, y = notes_network()
    model.set_params(eta=0.25, eta_schedule="invscaling")
    page = open_page(notes, record_training(model, X, y, 3))
    assert page.inner_text("#summary").endswith("η = 0.5")
    page.locator('[name="flow"][value="training"]').check(force=True)
    node(page, "w:2:0:0").dispatch_event("click")
    for step, eta in enumerate((0.25, 0.25 / 2**0.5, 0.25 / 3**0.5)):
        sample(page, step)
        assert page.inner_text("#summary").endswith(f"η = {float(f'{eta:.4g}')}")
        assert value(page.locator("#worked"), "eta") == pytest.approx(eta, rel=1e-15)


def test_a_narrow_screen_says_that_the_network_goes_on(open_page, notes):
    assert not open_page(notes).locator("#goes-on").is_visible()
    page = open_page(notes, viewport={"width": 400, "height": 900})
    said = page.locator("#goes-on")
    whole = """(figure) => [...figure.querySelectorAll('.active .card')].every((card) => {
        const [a, b] = [card, figure].map((element) => element.getBoundingClientRect());
        return a.left >= b.left && a.right <= b.right; })"""
    ends = []
    for radio in page.locator("#stages input").all():
        radio.check(force=True)
        page.wait_for_timeout(50)  # the scroll event comes with the next frame
        assert page.locator("#figure").evaluate(whole)
        words = said.inner_text()
        ends.append(words[0] + words[-1])
        mask = page.locator("#figure").evaluate("(figure) => getComputedStyle(figure).maskImage")
        assert (mask.count("40px") == 2) == (ends[-1] == "←→")
    assert ends == ["s→", "←→", "←→", "←k", "←k", "←→", "←→"]


def test_a_solver_that_does_more_is_said_to(open_page):
    net, X, y = iris_network(solver="momentum")
    page = open_page(trace_signals(net, X, y), record_training(net, X, y, 5))
    page.get_by_role("radio", name="Online training").check(force=True)
    sample(page, 4)
    node(page, "w:2:4:1").dispatch_event("click")
    assert "does more" in page.locator("#worked").inner_text()


def test_a_large_network_is_abbreviated_and_every_neuron_reached(open_page, digits):
    page = open_page(digits)
    assert page.locator(".neuron").count() == 8 + 8 + 8 + 10
    assert page.locator(".edge").count() == 9 * 8 + 9 * 8 + 9 * 10
    assert node(page, "n:1:73").count() == 0
    go(page, "Changes")
    page.select_option("#find-layer", label="Hidden 0")
    page.fill("#find-neuron", "73")
    page.get_by_role("button", name="Show its chain rule").click()
    worked = page.locator("#worked")
    assert worked.locator("h2").inner_text() == "Hidden neuron 73 of layer 0"
    assert value(worked, "delta") == digits.delta[0][0, 73]
    assert value(node(page, "n:1:73"), "delta") == digits.delta[0][0, 73]
    assert "more above" in page.text_content("#network")
    # Of the 65 terms of v and the 50 that come back, the largest; then all.
    assert len(values(worked, "term")) == 12 + 12
    worked.get_by_role("button", name="smaller terms").first.click()
    terms = values(worked, "term")
    expected = digits.delta[1][0] * digits.coefs[1][73]
    np.testing.assert_allclose(terms[65:], expected, rtol=1e-15)
    # A weight from a neuron out of sight brings it into sight.
    worked.get_by_role("button", name="neuron 42", exact=True).click()
    assert node(page, "n:2:42").count() == 1
    # The arrow keys move on beyond the window.
    node(page, "n:1:76").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('data-key')") == "n:1:78"
    node(page, "below:1").click()
    page.fill("#find-neuron", "100")  # there are 0 to 99
    page.get_by_role("button", name="Show its chain rule").click()
    assert page.evaluate("document.querySelector('#find-neuron').validity.rangeOverflow")
    milliseconds = page.evaluate(
        "() => { const t = performance.now(); goRow(7); return performance.now() - t; }"
    )
    assert milliseconds < 500


OVERLAPS = """() => {
  const box = (element) => element.getBoundingClientRect();
  const meet = (a, b) => a.left < b.right - 0.5 && b.left < a.right - 0.5
    && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
  const found = [];
  const compare = (texts) => texts.forEach((one, n) => texts.slice(n + 1).forEach((two) => {
    if (meet(box(one), box(two))) found.push([one.textContent, two.textContent]);
  }));
  const filled = (items) => [...items].filter((item) => item.textContent);
  for (const group of document.querySelectorAll(".neuron, .error")) {
    const texts = filled(group.querySelectorAll("text"));
    compare(texts);
    const card = box(group.querySelector(".card"));
    for (const item of texts)
      if (box(item).right > card.right + 1 || box(item).left < card.left - 1)
        found.push(["beyond its card", item.textContent]);
  }
  compare(filled(document.querySelectorAll(".label")));
  for (const label of filled(document.querySelectorAll(".label")))
    for (const item of document.querySelectorAll(".card, .name"))
      if (meet(box(label), box(item))) found.push([label.textContent, item.outerHTML]);
  compare(filled(document.querySelectorAll(".title, .kind, .direction")));
  return found;
}"""


@pytest.fixture(scope="module")
def long(iris):
    """Numbers as long as they come, and names as wide."""
    tiny = {
        name: [-np.abs(a) * 1e-128 for a in getattr(iris, name)]
        for name in ("y", "v", "phi_prime", "delta", "coefs")
    }
    names = ["W" * 30, "measurement number 1", "measurement number 2", "petal width (cm)"]
    return replace(iris, e=iris.e * 1e-128, feature_names=names, **tiny)


@pytest.mark.parametrize("name", ["notes", "iris", "digits", "long"])
@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_overlaps(open_page, request, name, width):
    page = open_page(request.getfixturevalue(name), viewport={"width": width, "height": 900})
    node(page, "n:1:1").dispatch_event("click")
    stages = page.locator("#stages input")
    for stage in range(stages.count()):
        stages.nth(stage).check(force=True)
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    inputs = page.locator("[data-key^='n:0:'] .name").all_text_contents()
    assert len(set(inputs)) == len(inputs)
    scale = page.evaluate("network.getBoundingClientRect().width / extras.plan.width")
    assert scale >= (0.9 if width == 400 else 0.7)  # the smallest letters measure 12 times that


def test_names_are_shown_as_they_are(open_page, notes):
    hostile = replace(notes, feature_names=[HOSTILE, "x1"], output_names=[HOSTILE], loss=HOSTILE)
    page = open_page(hostile)
    node(page, "n:0:0").click()
    assert page.inner_text("#worked h2").startswith("Input </script><script>alert(1)</script><!--")
    node(page, "w:2:0:0").dispatch_event("click")
    for stage in range(7):
        page.locator(f"#stages input[value='{stage}']").check(force=True)


def test_without_y_the_page_goes_forward_only(open_page, iris):
    net, X, _ = iris_network()
    page = open_page(trace_signals(net, X))
    assert page.locator("#stages input").count() == 3
    page.get_by_role("button", name="Next ›").click()
    page.get_by_role("button", name="Next ›").click()
    assert "made without y" in page.inner_text("#stage-text")
    node(page, "n:1:2").click()
    assert value(page.locator("#worked"), "v") == iris.v[0][0, 2]
    node(page, "w:2:0:0").dispatch_event("click")
    assert value(page.locator("#worked"), "w") == iris.coefs[1][0, 0]
    page.get_by_text("All signals as a table").click()
    assert "δ" not in page.inner_text("#table")
    assert page.evaluate(OVERLAPS) == []


def test_numbers_that_are_none_do_no_harm(open_page, notes):
    broken = {
        name: [np.full_like(a, bad) for a in getattr(notes, name)]
        for name, bad in (("v", np.inf), ("delta", np.nan), ("coefs", np.nan))
    }
    page = open_page(replace(notes, e=np.full_like(notes.e, -np.inf), E=notes.E * np.nan, **broken))
    node(page, "n:2:0").click()
    for stage in range(7):
        page.locator(f"#stages input[value='{stage}']").check(force=True)
    assert "NaN" in page.inner_text("#worked")
    assert "−∞" in page.text_content("#network")


def test_motion_is_reduced_when_asked(open_page, notes):
    duration = "getComputedStyle(document.querySelector('.card')).transitionDuration"
    assert open_page(notes, reduced_motion="reduce").evaluate(duration) == "0s"
    assert open_page(notes, reduced_motion="no-preference").evaluate(duration) != "0s"


def test_networks_without_and_with_many_hidden_layers(open_page):
    X, y = np.eye(3), np.arange(3.0)
    for sizes in ((), (2, 3, 2, 2)):
        net = BackpropRegressor(sizes, solver="sgd", activation="tanh", random_state=0)
        trace = trace_signals(net.partial_fit(X, y), X[:1], y[:1])
        page = open_page(trace)
        go(page, "Changes")
        last = len(sizes) + 1
        node(page, f"n:{last}:0").dispatch_event("click")
        assert value(page.locator("#worked"), "delta") == trace.delta[-1][0, 0]
        assert not page.locator("#slider").is_visible()  # one sample
