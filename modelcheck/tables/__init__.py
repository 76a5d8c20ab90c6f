"""The waist between languages and explorers: slots, interned values, learned tries."""
