"""What Apache Beam's workers load before ddsp: a CREPE, with the course's weights.

ddsp's pipeline asks `crepe` for its `full` weights. On the machine that starts the pipeline
`data.pitch_by` answers; a worker is another process, often on another machine, and imports this
module because `data.prepare_recordings` names it in Beam's option `--beam_plugin`.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

from ddsp_course import crepe

crepe.models["full"] = crepe.load("course")
