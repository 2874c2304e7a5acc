"""64 pictures that nobody takes for one another, with the words to say them by."""

EMOJI: tuple[tuple[str, str], ...] = (
    *(("🐢", "turtle"), ("🐝", "bee"), ("🦊", "fox"), ("🐳", "whale")),
    *(("🦉", "owl"), ("🐌", "snail"), ("🐘", "elephant"), ("🦋", "butterfly")),
    *(("🐧", "penguin"), ("🦀", "crab"), ("🐴", "horse"), ("🐸", "frog")),
    *(("🌵", "cactus"), ("🌻", "sunflower"), ("🍄", "mushroom"), ("🌲", "fir")),
    *(("🍁", "maple leaf"), ("🌴", "palm"), ("🍀", "clover"), ("🌹", "rose")),
    *(("🍋", "lemon"), ("🍒", "cherries"), ("🍇", "grapes"), ("🍌", "banana")),
    *(("🥕", "carrot"), ("🌽", "corn"), ("🍉", "melon"), ("🍍", "pineapple")),
    *(("🍞", "bread"), ("🧀", "cheese"), ("🥚", "egg"), ("🍪", "biscuit")),
    *(("☂️", "umbrella"), ("🌙", "moon"), ("⭐", "star"), ("🌈", "rainbow")),
    *(("⚡", "lightning"), ("🔥", "fire"), ("❄️", "snowflake"), ("🌋", "volcano")),
    *(("🚲", "bicycle"), ("🚂", "train"), ("🚀", "rocket"), ("⛵", "sailing boat")),
    *(("🚜", "tractor"), ("🎈", "balloon"), ("⚓", "anchor"), ("🧭", "compass")),
    *(("🔑", "key"), ("🔔", "bell"), ("🔨", "hammer"), ("✂️", "scissors")),
    *(("🕯️", "candle"), ("⏳", "hourglass"), ("📎", "paper clip"), ("🧲", "magnet")),
    *(("🎸", "guitar"), ("🎺", "trumpet"), ("🥁", "drum"), ("🎻", "violin")),
    *(("🎲", "dice"), ("🧩", "puzzle piece"), ("🏆", "cup"), ("👑", "crown")),
)
