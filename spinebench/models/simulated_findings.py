"""What a reader of spine images writes about each label: the finding, its absence, its clinical meaning.

Sentences of the simulated examinees. `{level}` is a disc level such as L4/L5, `{upper}` and `{lower}` are its
bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from spinebench.terms import HEALTHY


class Findings(NamedTuple):
    """Sentences about one label."""

    seen: tuple[str, ...]
    means: tuple[str, ...]
    absent: tuple[str, ...]


FINDINGS: Mapping[str, Findings] = MappingProxyType(
    {
        HEALTHY: Findings(
            seen=(
                "The vertebral bodies keep their height and square shape, the disc spaces widen steadily "
                "from above downwards, and the posterior body line runs without a step.",
                "Alignment is preserved, the endplates are sharp and parallel, and I find neither a "
                "narrowed space nor a bony spur at any corner.",
                "I go through alignment, bone, discs and canal in turn and each of them stays within "
                "normal limits.",
            ),
            means=(
                "With every structure accounted for there is no lesion to name.",
                "Nothing here would explain symptoms, and nothing asks for treatment.",
            ),
            absent=(
                "a normal study is out of the question, since one segment clearly departs from its "
                "neighbours",
                "calling this spine normal would mean overlooking the finding described above",
            ),
        ),
        "Disc space narrowing": Findings(
            seen=(
                "At {level} the disc space is reduced to less than half of the one above it, and the "
                "facing endplates of {upper} and {lower} look dense.",
                "The interval between {upper} and {lower} is visibly collapsed compared with its "
                "neighbours, with endplates that run close together and sclerotic margins.",
                "Measured against the adjacent segments, disc height at {level} is lost almost evenly from "
                "front to back.",
            ),
            means=(
                "Loss of disc height with endplate reaction is the picture of a degenerated disc.",
                "This is disc degeneration with dehydration and loss of height.",
            ),
            absent=(
                "the disc spaces keep their height and show the usual increase towards the lower lumbar "
                "spine",
                "no interval is lower than its neighbours",
            ),
        ),
        "Foraminal stenosis": Findings(
            seen=(
                "In the foramen at {level} the bright perineural fat has gone and the exiting root is "
                "flattened between disc and superior facet.",
                "The keyhole outline of the foramen is lost at {level}: its lower half is filled by disc "
                "and the upper half by facet, so that the root has no room.",
                "Comparing the foramina one below the other, that between {upper} and {lower} is reduced "
                "to a slit while the rest keep their fat.",
            ),
            means=(
                "The exiting nerve root is compressed, which fits a radicular pain of the upper segment.",
                "This is narrowing of the neural foramen with contact to the exiting root.",
            ),
            absent=(
                "fat surrounds the exiting roots in the foramina",
                "the foramina keep their keyhole shape",
            ),
        ),
        "Subarticular Stenosis": Findings(
            seen=(
                "On the slice through {level} the lateral recess is closed by an enlarged facet and a "
                "bulging disc, and the traversing root is pressed against the sac.",
                "The corner of the thecal sac is cut off at {level}; the recess behind the disc is "
                "narrowed to a cleft by facet overgrowth.",
                "Beside a sac of nearly normal size, the subarticular zone at {level} is filled with dark "
                "tissue and its root can no longer be set apart.",
            ),
            means=(
                "The traversing root is caught in its recess before it reaches the foramen.",
                "This is a lateral recess problem and explains pain along the lower root.",
            ),
            absent=(
                "both lateral recesses are open and each traversing root lies free",
                "the facets are slender and do not reach into the recess",
            ),
        ),
        "Osteophytes": Findings(
            seen=(
                "Beak-like bony outgrowths project from the anterior corners of {upper} and {lower} and "
                "curve towards each other across {level}.",
                "The anterior margins at {level} carry claw-shaped spurs in continuity with the cortex of "
                "the bodies.",
                "There is marginal bone formation at {level}, thickest in front, while disc height is "
                "largely kept.",
            ),
            means=(
                "These are traction spurs of spondylosis.",
                "Such spurs follow long-standing strain of the annulus at its attachment.",
            ),
            absent=(
                "the corners of the bodies are smooth, without any spur",
                "no bony outgrowth crosses a disc margin",
            ),
        ),
        "Spinal Canal Stenosis": Findings(
            seen=(
                "At {level} the bright column of cerebrospinal fluid is pinched from the front by the disc "
                "and from behind by a thick ligamentum flavum.",
                "The thecal sac narrows to a waist at {level}, and the roots of the cauda equina crowd "
                "together there.",
                "Fluid is almost effaced around the roots at {level}, whereas it is plentiful above and "
                "below.",
            ),
            means=(
                "Central narrowing of this degree goes with neurogenic claudication.",
                "The cauda equina is compressed in the central canal.",
            ),
            absent=(
                "cerebrospinal fluid is bright and continuous along the whole canal",
                "the central canal keeps its width at every segment",
            ),
        ),
        "Spondylolisthesis": Findings(
            seen=(
                "The posterior body line breaks at {level}: {upper} has slipped forwards on {lower} by "
                "about a quarter of its depth.",
                "{upper} stands anterior to {lower}, with a clear step behind the bodies and the spinous "
                "process left behind.",
                "Following the posterior walls downwards there is an offset at {level}, while the bodies "
                "themselves keep their shape.",
            ),
            means=(
                "This is an anterior slip of roughly grade I to II.",
                "Translation of one body on the next is what defines the diagnosis.",
            ),
            absent=(
                "the posterior body line is smooth, so no vertebra has slipped",
                "there is no step between neighbouring bodies",
            ),
        ),
        "Vertebral collapse": Findings(
            seen=(
                "{upper} has lost about half of its anterior height; its upper endplate is driven in and "
                "the body is wedge-shaped.",
                "One body, {upper}, is clearly lower in front than behind, with a buckled anterior cortex "
                "and condensed bone below the endplate.",
                "The silhouette of {upper} is crushed while the bodies above and below keep their height.",
            ),
            means=(
                "A wedge deformity of this degree is a compression fracture.",
                "Loss of height in the body itself, not in the disc, points to collapse.",
            ),
            absent=(
                "all vertebral bodies keep their anterior and posterior heights",
                "no body is wedged and no endplate is driven in",
            ),
        ),
        "Straight cervical vertebrae": Findings(
            seen=(
                "The posterior body line of the neck runs as a straight line from C2 to C7; the usual "
                "forward curve is missing.",
                "A line from the dens to C7 touches the back of nearly every body: the curve is flattened "
                "out.",
            ),
            means=("The lordosis is lost without being reversed.",),
            absent=(
                "the cervical line is clearly curved rather than straight",
                "the bodies leave a straight line between C2 and C7 by a good distance",
            ),
        ),
        "cervical Kyphosis": Findings(
            seen=(
                "The cervical curve is reversed: the bodies bow backwards, with the apex around C5, and "
                "the upper neck leans forwards.",
                "Between C3 and C6 the concavity faces anteriorly, so the angle between C2 and C7 opens "
                "the wrong way.",
            ),
            means=("A reversed curve of this extent is a kyphotic deformity.",),
            absent=(
                "nowhere does the neck bow backwards",
                "the curve is not reversed at any segment",
            ),
        ),
        "cervical Lordosis": Findings(
            seen=(
                "From C2 to C7 the bodies describe an even arc that is convex to the front.",
                "The posterior body line curves gently forwards, deepest around C4 and C5, without a step.",
            ),
            means=("This is the physiological form of the neck.",),
            absent=(
                "the even forward arc of the neck is missing",
                "a smooth curve that is convex to the front is not present",
            ),
        ),
        "sigmoid cervical vertebrae": Findings(
            seen=(
                "The curve changes its direction in mid-neck: the upper segments bow backwards, the lower "
                "ones forwards, an S when traced along the posterior walls.",
                "Tracing the posterior body line gives two opposite arcs with a turning point about C4 and "
                "C5.",
            ),
            means=("An alignment with two opposite arcs is sigmoid.",),
            absent=(
                "the line bends in a single direction only",
                "there is no turning point between two opposite arcs",
            ),
        ),
    }
)
"""By canonical label: the eleven diseases and Healthy."""

UNKNOWN = Findings(
    seen=(
        "The features that I can make out agree best with this option.",
        "Weighing shape, density and relation to the neighbours, this reading explains most of what is "
        "visible.",
    ),
    means=("It accounts for the picture with the fewest assumptions.",),
    absent=(
        "the picture offers nothing in its favour",
        "its usual signs are missing",
    ),
)
"""For options outside the vocabulary."""
